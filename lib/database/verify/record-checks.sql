-- Records what hosts answered to one batch of checks, together with the run's checkpoint and statistics: after a crash a sector is
-- either counted or asked again.
--
--   request   {"batch", "checkpoint", "statistics",
--              "confirmed": [claim], "denied": [claim and "code"], "released": [claim]}, claims as claim_checks answers them
--   answer    {"recorded", "ignored"}
--             ignored: so many hosts deny that the cause is ours (many_hosts_deny): no denial was recorded
--
--   confirmed  what indexd writes: the next check in 14 days, no failed checks in a row, counted in num_sectors_checked
--   denied     a denial (rule 6 of docs/architecture.md), the next check in 12 hours; consecutive_failed_checks stays, or indexd
--              would mark the sector lost
--   released   nobody said anything about it: the next check is when it was due before
--
-- Each only while the sector is still on that host and next_integrity_check is still the value that we wrote: otherwise indexd has
-- checked or moved it meanwhile, and it counts as superseded. A batch that is recorded already changes nothing.
--
-- Locks: the run, the tables against an upgrade of indexd, the sectors by root, the denials. Indexes: primary keys.
create or replace function slabmend.record_checks(the_run bigint, the_token uuid, request jsonb) returns jsonb
language plpgsql volatile
as $function$
declare
  run slabmend.runs;
  moment timestamptz;
  denied record;
  held jsonb;
  kept jsonb;
  confirmed_count bigint;
begin
  run := slabmend.hold_run(the_run, the_token);
  if (run.checkpoint->>'batch')::bigint >= (request->>'batch')::bigint then
    return jsonb_build_object('recorded', false, 'ignored', false);
  end if;
  perform slabmend.hold_indexd(array['sectors', 'stats_deltas']);
  perform from public.sectors s
  where s.id in (
    select (c->>'sectorId')::bigint
    from jsonb_array_elements((request->'confirmed') || (request->'denied') || (request->'released')) c)
  order by s.sector_root for no key update;
  moment := clock_timestamp();

  with claims as (
    select k.kind, c.value as claim
    from unnest(array['confirmed', 'denied', 'released']) k (kind)
    cross join lateral jsonb_array_elements(request->k.kind) c
  )
  select jsonb_build_object(
    'confirmed', coalesce(jsonb_agg(c.claim) filter (where c.kind = 'confirmed'), '[]'),
    'denied', coalesce(jsonb_agg(c.claim) filter (where c.kind = 'denied'), '[]'),
    'released', coalesce(jsonb_agg(c.claim) filter (where c.kind = 'released'), '[]'))
  into held
  from claims c
  join public.sectors s on s.id = (c.claim->>'sectorId')::bigint
    and s.host_id = (c.claim->>'hostId')::integer
    and s.next_integrity_check = (c.claim->>'claimedUntil')::timestamptz;

  select coalesce(jsonb_agg(jsonb_build_object('sectorId', d->'sectorId', 'root', d->'root', 'hostId', d->'hostId',
    'plannedMapId', d->'mapId', 'code', d->'code', 'whole', false)), '[]')
  into kept from jsonb_array_elements(held->'denied') d;
  select * into denied from slabmend.record_denials(null, kept);

  update public.sectors s set next_integrity_check = moment + interval '14 days', consecutive_failed_checks = 0
  from jsonb_array_elements(held->'confirmed') c
  where s.id = (c->>'sectorId')::bigint;
  get diagnostics confirmed_count = row_count;
  if denied.ignored then
    held := held || jsonb_build_object('released', (held->'released') || (held->'denied'), 'denied', '[]'::jsonb);
  end if;
  update public.sectors s set next_integrity_check = moment + interval '12 hours'
  from jsonb_array_elements(held->'denied') d
  where s.id = (d->>'sectorId')::bigint;
  update public.sectors s set next_integrity_check = (c->>'previous')::timestamptz
  from jsonb_array_elements(held->'released') c
  where s.id = (c->>'sectorId')::bigint;
  if confirmed_count > 0 then
    insert into public.stats_deltas (stat_name, stat_delta) values ('num_sectors_checked', confirmed_count);
  end if;

  update slabmend.runs r set checkpoint = request->'checkpoint' || jsonb_build_object('batch', request->'batch'),
    statistics = (request->'statistics') || jsonb_build_object(
      'confirmed', (request->'statistics'->>'confirmed')::bigint + confirmed_count,
      'denied', (request->'statistics'->>'denied')::bigint + denied.total,
      'superseded', (request->'statistics'->>'superseded')::bigint
        + jsonb_array_length(request->'confirmed') - confirmed_count
        + case when denied.ignored then 0 else jsonb_array_length(request->'denied') - denied.total end)
  where r.id = the_run;
  return jsonb_build_object('recorded', true, 'ignored', denied.ignored);
end
$function$;
