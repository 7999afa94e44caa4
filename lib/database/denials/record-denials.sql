-- Records denials of sectors that are still on the denying host. If the caller gives plannedMapId, the sector must also
-- still be pinned by the row plannedMapId of contract_sectors_map (null: still be unpinned). Changes no row of indexd:
-- a denial is not a loss.
--
--   the_slab  null: sectors of any slabs; the caller has locked them by ascending root
--   reports   [{"sectorId", "root", "hostId", "plannedMapId"?, "code", "whole", …}]
--             whole: the whole sector was requested
--   total     number of recorded denials
--   ignored   true: no denial was recorded, because so many hosts deny that the cause is on our side (many_hosts_deny)
--
-- A denial within an hour of the last counted one does not count: a repair that is resumed immediately repeats its
-- requests within minutes. If the sector left the host and came back, the counts in the denial's row start again.
--
-- The caller holds the locks of lock_for_commit, which guard every row of these sectors. Indexes: primary keys.
create or replace function slabmend.record_denials(the_slab bigint, reports jsonb, out total integer, out ignored boolean)
language plpgsql volatile
set plan_cache_mode = force_generic_plan
as $function$
declare
  moment constant timestamptz not null := clock_timestamp();
begin
  total := 0;
  ignored := false;
  if jsonb_array_length(reports) = 0 then return; end if;
  ignored := slabmend.many_hosts_deny(array(select distinct (r->>'hostId')::integer from jsonb_array_elements(reports) r));
  if ignored then return; end if;

  with hit as (
    select distinct on (s.id) s.id, s.host_id, s.sector_root, s.contract_sectors_map_id as map_id, s.uploaded_at,
      r->>'code' as code, case when (r->>'whole')::boolean then moment end as whole_denied_at
    from jsonb_array_elements(reports) r
    join public.sectors s on s.id = (r->>'sectorId')::bigint
      and s.sector_root = decode(r->>'root', 'hex')
      and s.host_id = (r->>'hostId')::integer
      and (not r ? 'plannedMapId' or s.contract_sectors_map_id is not distinct from (r->>'plannedMapId')::integer)
    where the_slab is null or exists (
      select from public.slab_sectors ss where ss.slab_id = the_slab and ss.sector_id = s.id)
    order by s.id, whole_denied_at nulls last
  ), known as (
    -- No other transaction writes this denial meanwhile: it would need the lock on the sector.
    select h.*, d.denials, d.whole_denied_at as known_whole_at, d.first_denied_at, d.counted_at,
      d.counted_at <= moment - interval '1 hour' as counts
    from hit h
    left join slabmend.denials d on d.sector_id = h.id and d.host_id = h.host_id and d.state = 'open'
      and d.map_id is not distinct from h.map_id and d.uploaded_at = h.uploaded_at
  ), recorded as (
    insert into slabmend.denials as d (sector_id, host_id, root, map_id, uploaded_at, code, denials, whole_denied_at,
      first_denied_at, counted_at, last_denied_at, state)
    select k.id, k.host_id, k.sector_root, k.map_id, k.uploaded_at, k.code,
      case when k.counts then least(k.denials + 1, 1000) else coalesce(k.denials, 1) end,
      least(k.known_whole_at, k.whole_denied_at), coalesce(k.first_denied_at, moment),
      case when k.counts is false then k.counted_at else moment end, moment, 'open'
    from known k
    order by k.id, k.host_id
    on conflict (sector_id, host_id) do update set
      root = excluded.root, map_id = excluded.map_id, uploaded_at = excluded.uploaded_at, code = excluded.code,
      denials = excluded.denials, whole_denied_at = excluded.whole_denied_at, first_denied_at = excluded.first_denied_at,
      counted_at = excluded.counted_at, last_denied_at = excluded.last_denied_at, state = excluded.state
    returning 1
  )
  select count(*)::integer into total from recorded;
end
$function$;
