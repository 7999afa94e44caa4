-- Claims sectors for a check, as indexd's own integrity check does: their next check moves to 30 minutes from now.
-- Until then indexd leaves these sectors alone; if we never finish, indexd checks them itself. Returns the sectors to
-- request and their hosts:
--
--   [{"sectorId", "root", "hostId", "mapId", "claimedUntil", "previous"}]    times as text, exact to the microsecond
--
-- Sectors without a host, or no longer on only_host, are not claimed. The claims are kept in the run's checkpoint
-- ("claimed"), so that a process that continues after a crash knows when each check was due before it was claimed.
-- The claims of a crashed process are given back first, because not all of them may be in this batch: the batch differs
-- from the crashed one if sectors were added to the scope or removed from it, lost their host or moved since.
--
-- Unlike indexd this function waits for locked rows, because the scope of a run is to be checked completely
-- (docs/decisions/0025-maintenance.md).
--
-- Locks, in this order: the run; the tables, so that indexd cannot be upgraded meanwhile; the sectors, by root.
-- Indexes: primary keys.
create or replace function slabmend.claim_checks(the_run bigint, the_token uuid, sector_ids bigint[], only_host integer)
returns jsonb
language plpgsql volatile
as $function$
declare
  run slabmend.runs;
  earlier jsonb;
  claimed_until timestamptz;
  claimed jsonb;
begin
  run := slabmend.hold_run(the_run, the_token);
  perform slabmend.hold_indexd(array['sectors']);
  earlier := coalesce(run.checkpoint->'claimed', '[]');
  perform from public.sectors s
  where s.id = any (sector_ids || array(select (e->>'sectorId')::bigint from jsonb_array_elements(earlier) e))
  order by s.sector_root for no key update;
  update public.sectors s set next_integrity_check = e.previous
  from jsonb_to_recordset(earlier) as e ("sectorId" bigint, "claimedUntil" timestamptz, previous timestamptz)
  where s.id = e."sectorId" and s.next_integrity_check = e."claimedUntil";
  claimed_until := clock_timestamp() + interval '30 minutes';
  with taken as (
    select s.id, s.sector_root, s.host_id, s.contract_sectors_map_id as map_id,
      s.next_integrity_check as previous
    from public.sectors s
    where s.id = any (sector_ids) and s.host_id is not null and (only_host is null or s.host_id = only_host)
  ), marked as (
    update public.sectors s set next_integrity_check = claimed_until from taken t where s.id = t.id
  )
  select coalesce(jsonb_agg(jsonb_build_object('sectorId', t.id, 'root', encode(t.sector_root, 'hex'), 'hostId', t.host_id,
    'mapId', t.map_id, 'claimedUntil', claimed_until::text, 'previous', t.previous::text) order by t.sector_root), '[]')
  into claimed from taken t;
  update slabmend.runs r set checkpoint = r.checkpoint || jsonb_build_object('claimed', claimed) where r.id = the_run;
  return claimed;
end
$function$;
