-- Writes a slab's repair history, including the affected objects if its data is at risk or shards were pinned wrongly.
--
--   job         the kind: repair or drain
--   error_code  a stable code, not a message
create or replace function slabmend.write_history(the_slab bigint, the_digest bytea, job text, outcome text, error_code text,
  setbacks integer, next_attempt timestamptz, new_bad_shards jsonb, at_risk boolean) returns void
language plpgsql volatile
as $function$
declare
  concerned jsonb := '[]';
  concerned_count integer := 0;
begin
  if jsonb_array_length(new_bad_shards) > 0 or at_risk then
    select count(*),
      coalesce(jsonb_agg(encode(k.object_key, 'hex') order by k.object_key) filter (where k.place <= 100), '[]')
    into concerned_count, concerned
    from (
      select o.object_key, row_number() over (order by o.object_key) as place
      from public.object_slabs os join public.objects o on o.id = os.object_id
      where os.slab_digest = the_digest
      group by o.object_key
    ) k;
  end if;
  insert into slabmend.repairs as r (slab_id, digest, kind, last_outcome, last_error, finished_at, setbacks,
    next_repair_attempt, bad_shards, objects, object_count)
  values (the_slab, the_digest, job, outcome, error_code, clock_timestamp(), setbacks,
    next_attempt, new_bad_shards, concerned, concerned_count)
  on conflict (slab_id) do update set
    digest = excluded.digest, kind = excluded.kind, last_outcome = excluded.last_outcome, last_error = excluded.last_error,
    finished_at = excluded.finished_at, crashes = 0, setbacks = excluded.setbacks,
    next_repair_attempt = excluded.next_repair_attempt,
    -- A wrongly pinned shard stays wrong: findings of earlier repairs are kept.
    bad_shards = (
      select coalesce(jsonb_agg(b.shard order by (b.shard->>'index')::integer), '[]')
      from (
        select jsonb_array_elements(r.bad_shards) as shard
        union
        select jsonb_array_elements(excluded.bad_shards)
      ) b
    ),
    objects = case when excluded.object_count > 0 then excluded.objects else r.objects end,
    object_count = case when excluded.object_count > 0 then excluded.object_count else r.object_count end,
    quarantined_until = null, quarantine_reason = null;
end
$function$;
