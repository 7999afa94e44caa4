-- The transaction of reap: ends the given expired leases as lib/jobs/reap/decide-expired-lease.ts decided.
--
--   request  {"decisions": [{"slabId", "token", "running", "kind": "free" | "crash" | "quarantine", "delayMs",
--             "quarantineMs", "why"}]}
--   answer   {"freed", "crashed", "quarantined", "taken"}
--            taken: indexd has claimed or deleted the slab meanwhile, so only our lease was removed
--
-- Locks: the table slabs, so that indexd cannot be upgraded meanwhile (hold-indexd.sql); the slabs by id, `for no key
-- update skip locked`; then their leases in the same way. So reap never waits for a commit, a begin or indexd: a locked
-- row means that one of them is working on it. A new statement then checks that each lease is still the one decided
-- about, and still expired. For the lease of a deleted slab only the lease is locked. Then the rows of repairs are
-- locked by ascending slab id. The last statement deletes all these leases, and a trigger then locks the backlog
-- entries of their slabs.
create or replace function slabmend.reap_leases(request jsonb) returns jsonb
language plpgsql volatile
as $function$
declare
  slab_ids bigint[];
  locked_ids bigint[];
  moment timestamptz;
  next_attempt timestamptz;
  entry record;
  ended bigint[] := '{}';
  freed integer := 0;
  crashed integer := 0;
  quarantined integer := 0;
  taken integer := 0;
begin
  perform slabmend.hold_indexd(array['slabs']);

  select array_agg(s.id) into slab_ids
  from (
    select s.id
    from jsonb_to_recordset(request->'decisions') as d ("slabId" bigint)
    join public.slabs s on s.id = d."slabId"
    order by s.id
    for no key update of s skip locked
  ) s;

  select array_agg(l.slab_id) into locked_ids
  from (
    select l.slab_id
    from jsonb_to_recordset(request->'decisions') as d ("slabId" bigint, token uuid)
    join slabmend.leases l on l.slab_id = d."slabId" and l.token = d.token
    where l.slab_id = any (slab_ids) or not exists (select from public.slabs s where s.id = l.slab_id)
    order by l.slab_id
    for update of l skip locked
  ) l;

  moment := clock_timestamp();
  for entry in
    select l.*, d.kind, d.why, d."delayMs" as delay_ms, d."quarantineMs" as quarantine_ms,
      s.next_repair_attempt, s.id is not null as slab_exists
    from jsonb_to_recordset(request->'decisions') as d ("slabId" bigint, token uuid, running boolean, kind text,
      why text, "delayMs" double precision, "quarantineMs" double precision)
    join slabmend.leases l on l.slab_id = d."slabId" and l.token = d.token
    left join public.slabs s on s.id = l.slab_id
    where l.slab_id = any (locked_ids) and l.expires_at <= moment and (l.began_at is not null) = d.running
    order by l.slab_id
  loop
    ended := ended || entry.slab_id;
    if not entry.slab_exists or entry.next_repair_attempt <> entry.held_until then
      taken := taken + 1;
      -- The repair is recorded as superseded, because its commit would have had the same result. The journal gets a row
      -- although nothing is written about the slab, because the repair has spent money and bytes.
      if entry.began_at is not null then
        insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, error, bytes_read,
          bytes_written, hastings, worker, leased_at, began_at, finished_at)
        values (entry.token, entry.slab_id, entry.digest, 'superseded', 'crashed',
          case when entry.slab_exists then 'indexd-claimed' else 'slab-gone' end, entry.bytes_read,
          entry.bytes_written, entry.hastings, entry.worker, entry.leased_at, entry.began_at, moment);
      end if;
      continue;
    end if;

    next_attempt := moment + make_interval(secs => entry.delay_ms / 1000);
    update public.slabs s set next_repair_attempt = next_attempt where s.id = entry.slab_id;
    if entry.kind = 'free' then
      freed := freed + 1;
      insert into slabmend.repairs as r (slab_id, digest, last_outcome, finished_at, next_repair_attempt)
      values (entry.slab_id, entry.digest, 'never-begun', moment, next_attempt)
      on conflict (slab_id) do update set next_repair_attempt = excluded.next_repair_attempt;
      continue;
    end if;

    crashed := crashed + 1;
    insert into slabmend.repairs as r
      (slab_id, digest, last_outcome, finished_at, crashes, next_repair_attempt, quarantined_until, quarantine_reason)
    values (
      entry.slab_id, entry.digest, 'crashed', moment, 1, next_attempt,
      case when entry.kind = 'quarantine' then moment + make_interval(secs => entry.quarantine_ms / 1000) end,
      case when entry.kind = 'quarantine' then entry.why end)
    on conflict (slab_id) do update set
      kind = excluded.kind, last_outcome = excluded.last_outcome, last_error = null,
      finished_at = excluded.finished_at, crashes = least(r.crashes + 1, 1000), setbacks = 0,
      next_repair_attempt = excluded.next_repair_attempt,
      -- A forced repair may crash while its slab is in quarantine. If this crash starts no new quarantine, the present
      -- one continues.
      quarantined_until = coalesce(excluded.quarantined_until, r.quarantined_until),
      quarantine_reason = coalesce(excluded.quarantine_reason, r.quarantine_reason);
    if entry.kind = 'quarantine' then
      quarantined := quarantined + 1;
    end if;
    -- The token in the journal also tells a late commit how its lease ended.
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, bytes_read, bytes_written,
      hastings, worker, leased_at, began_at, finished_at)
    values (entry.token, entry.slab_id, entry.digest, 'crashed', 'crashed', entry.bytes_read, entry.bytes_written,
      entry.hastings, entry.worker, entry.leased_at, entry.began_at, moment);
  end loop;
  delete from slabmend.leases l where l.slab_id = any (ended);
  return jsonb_build_object('freed', freed, 'crashed', crashed, 'quarantined', quarantined, 'taken', taken);
end
$function$;
