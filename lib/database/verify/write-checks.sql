-- Writes the hosts' answers to checks of claimed sectors to indexd's tables.
--
--   request     {"confirmed": [claim], "denied": [claim and "code"], "released": [claim]} claim: {"sectorId", "root",
--               "hostId", "mapId", "claimedUntil"}, and "previous": when the check was due before; without "previous" a
--               released sector keeps our claim until the claim expires
--   confirmed   number of confirmed sectors. For each of them we write what indexd would write: the next check in 14
--               days, no failed checks in a row, and num_sectors_checked
--   denied      number of recorded denials (rule 6 of docs/architecture.md). A denied sector is checked again in 12
--               hours. Its consecutive_failed_checks stays unchanged: a higher number could make indexd mark the sector
--               as lost
--   superseded  number of sectors recorded neither as confirmed nor as denied, because indexd has checked or moved them
--               meanwhile
--   ignored     true: no denial was recorded, because so many hosts deny sectors at this moment that the fault must be
--               ours (many_hosts_deny)
--
-- A sector is released if the host gave no answer for it: next_integrity_check gets back the time that it had before
-- the claim. Each write applies only while the sector is still on the claim's host and its next_integrity_check is
-- still the value that the claim set, so recording a batch twice changes nothing the second time.
--
-- Locks, in this order: the tables, so that indexd cannot be upgraded meanwhile; the sectors, by root; the denials.
-- Indexes: primary keys.
create or replace function slabmend.write_checks(request jsonb, out confirmed bigint, out denied bigint, out superseded bigint,
  out ignored boolean)
language plpgsql volatile
as $function$
declare
  moment timestamptz;
  held jsonb;
  kept jsonb;
begin
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
  select d.total, d.ignored into denied, ignored from slabmend.record_denials(null, kept) d;

  update public.sectors s set next_integrity_check = moment + interval '14 days', consecutive_failed_checks = 0
  from jsonb_array_elements(held->'confirmed') c
  where s.id = (c->>'sectorId')::bigint;
  get diagnostics confirmed = row_count;
  if ignored then
    held := held || jsonb_build_object('released', (held->'released') || (held->'denied'), 'denied', '[]'::jsonb);
  end if;
  update public.sectors s set next_integrity_check = moment + interval '12 hours'
  from jsonb_array_elements(held->'denied') d
  where s.id = (d->>'sectorId')::bigint;
  update public.sectors s set next_integrity_check = (c->>'previous')::timestamptz
  from jsonb_array_elements(held->'released') c
  where s.id = (c->>'sectorId')::bigint and c ? 'previous';
  if confirmed > 0 then
    insert into public.stats_deltas (stat_name, stat_delta) values ('num_sectors_checked', confirmed);
  end if;
  superseded := jsonb_array_length(request->'confirmed') - confirmed
    + case when ignored then 0 else jsonb_array_length(request->'denied') - denied end;
end
$function$;
