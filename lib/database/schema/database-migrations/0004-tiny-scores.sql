-- Sums of host_scores that were never added to again halved until PostgreSQL refused the next product ("value out of
-- range: underflow"), and with it every reading and every report of scores. What has faded that far says nothing:
-- lib/database/fleet/host-scores.ts takes it as zero from now on. Without a product, so that this statement cannot fail as they did.
update slabmend.host_scores h set
  read_bytes = case when h.read_bytes < 1e-6 then 0 else h.read_bytes end,
  read_ms = case when h.read_ms < 1e-6 then 0 else h.read_ms end,
  write_bytes = case when h.write_bytes < 1e-6 then 0 else h.write_bytes end,
  write_ms = case when h.write_ms < 1e-6 then 0 else h.write_ms end,
  successes = case when h.successes < 1e-6 then 0 else h.successes end,
  failures = case when h.failures < 1e-6 then 0 else h.failures end
where least(h.read_bytes, h.read_ms, h.write_bytes, h.write_ms, h.successes, h.failures) < 1e-6;
