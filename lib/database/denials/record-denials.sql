-- Records what hosts denied: of sectors that are still on the host that said so and, when the caller says what it saw, still
-- pinned or unpinned as it saw them. Nothing of indexd's is changed: a denial is not a loss.
--
--   reports   [{"sectorId", "root", "hostId", "plannedMapId"?, "code", "whole"}]
--             whole: the whole sector was asked for
--   total     how many were recorded
--   ignored   so many hosts deny that the cause is ours (many_hosts_deny): none was recorded
--
-- A denial within an hour of the last one that counted does not count: a repair that goes on at once asks again within
-- minutes. A row of an earlier stay on the host begins again.
--
-- The caller holds the locks of lock_for_commit, under which every row of these sectors is written. Indexes: primary keys.
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
    join public.slab_sectors ss on ss.slab_id = the_slab and ss.sector_id = (r->>'sectorId')::bigint
    join public.sectors s on s.id = ss.sector_id
      and s.sector_root = decode(r->>'root', 'hex')
      and s.host_id = (r->>'hostId')::integer
      and (not r ? 'plannedMapId' or s.contract_sectors_map_id is not distinct from (r->>'plannedMapId')::integer)
    order by s.id, whole_denied_at nulls last
  ), recorded as (
    insert into slabmend.denials as d (sector_id, host_id, root, map_id, uploaded_at, code, denials, whole_denied_at,
      first_denied_at, counted_at, last_denied_at, state)
    select h.id, h.host_id, h.sector_root, h.map_id, h.uploaded_at, h.code, 1, h.whole_denied_at, moment, moment, moment, 'open'
    from hit h
    order by h.id, h.host_id
    on conflict (sector_id, host_id) do update set
      (root, map_id, uploaded_at, code, denials, whole_denied_at, first_denied_at, counted_at, last_denied_at, state) = (
        select excluded.root, excluded.map_id, excluded.uploaded_at, excluded.code,
          case when not same.stay then 1 when same.counts then least(d.denials + 1, 1000) else d.denials end,
          case when same.stay then least(d.whole_denied_at, excluded.whole_denied_at) else excluded.whole_denied_at end,
          case when same.stay then d.first_denied_at else moment end,
          case when same.stay and not same.counts then d.counted_at else moment end,
          moment, 'open'
        from (
          select d.state = 'open' and d.map_id is not distinct from excluded.map_id and d.uploaded_at = excluded.uploaded_at as stay,
            d.counted_at <= moment - interval '1 hour' as counts
        ) same)
    returning 1
  )
  select count(*)::integer into total from recorded;
end
$function$;
