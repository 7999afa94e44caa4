-- One page of the walk of one cause: the bad sectors behind a position, by ascending id, and the health of their slabs
-- that this pass has not seen yet. Read only: one snapshot, no row lock on anything.
--
--   request  {"cause", "generation", "position", "pageSectors", "graceMs"}
--   answer   {"sectors", "next", "slabs": slab_health, "nowMs"}   next: behind which sector the next page starts, 0 = the end
--
-- Contracts' and hosts' sectors are found contract by contract, in the order of their own index. From each a share of the
-- page is read, and the page ends at the lowest id at which one of them stopped short: up to there nothing is missing.
-- Reading a whole page from each would cost a page for every bad contract, so most of what is read would be thrown away.
--
-- Indexes: sectors_lost_idx; sectors_contract_sectors_map_id_id_idx; sectors_host_id_null_contract_map_idx, which is not in
-- the order of ids: a bad host's unpinned sectors are read and sorted each time (indexd takes them off a host that it
-- blocks, so they are few). slab_sectors_sector_id_slab_id_idx; sightings_pkey.
create or replace function slabmend.walk_page(request jsonb) returns jsonb
language plpgsql stable
set enable_seqscan = off
as $function$
declare
  the_cause constant text not null := request->>'cause';
  the_generation constant bigint not null := (request->>'generation')::bigint;
  from_sector constant bigint not null := (request->>'position')::bigint;
  page_sectors constant integer not null := (request->>'pageSectors')::integer;
  grace constant interval not null := make_interval(secs => (request->>'graceMs')::double precision / 1000);
  parts integer[];
  share integer;
  sector_ids bigint[];
  slab_ids bigint[];
  next_sector bigint;
begin
  case the_cause
    when 'lost' then
      share := page_sectors;
      select array_agg(s.id order by s.id) into sector_ids
      from (
        select s.id from public.sectors s where s.host_id is null and s.id > from_sector order by s.id limit page_sectors
      ) s;
      if cardinality(sector_ids) = page_sectors then next_sector := sector_ids[page_sectors]; end if;
    when 'bad-contract' then
      select array_agg(m.id) into parts
      from public.contracts c join public.contract_sectors_map m on m.contract_id = c.contract_id
      where not c.good or c.state not in (0, 1);
      share := least(page_sectors, 20 + 2 * page_sectors / greatest(cardinality(parts), 1));
      with found as materialized (
        select part.id as part, s.id
        from unnest(parts) part (id)
        cross join lateral (
          -- By rows, not by `= and >`: with an equality the planner may walk the primary key from here to the end of the
          -- table for a contract that has nothing left.
          select s.id from public.sectors s
          where (s.contract_sectors_map_id, s.id) > (part.id, from_sector)
            and (s.contract_sectors_map_id, s.id) <= (part.id, 9223372036854775807)
          order by s.contract_sectors_map_id, s.id limit share
        ) s
      ), short as (
        select min(f.last) as last from (select max(f.id) as last from found f group by f.part having count(*) = share) f
      ), page as (
        select f.id from found f, short where f.id <= short.last or short.last is null order by f.id limit page_sectors
      )
      select array_agg(p.id order by p.id),
        case when count(*) = page_sectors then max(p.id) else (select short.last from short) end
      into sector_ids, next_sector
      from page p;
    when 'bad-host' then
      select array_agg(h.host_id) into parts
      from slabmend.host_states() h
      join public.hosts host on host.id = h.host_id and host.unpinned_sectors > 0
      where not (h.good and h.has_active_contract);
      select array_agg(s.id order by s.id) into sector_ids
      from (
        select s.id
        from unnest(parts) part (id)
        cross join lateral (
          select x.id from public.sectors x
          where x.host_id = part.id and x.contract_sectors_map_id is null and x.id > from_sector offset 0
        ) s
        order by s.id limit page_sectors
      ) s;
      if cardinality(sector_ids) = page_sectors then next_sector := sector_ids[page_sectors]; end if;
    else
      raise exception 'walk_page: unknown cause %', the_cause using errcode = 'invalid_parameter_value';
  end case;

  select array_agg(distinct ss.slab_id) into slab_ids
  from unnest(sector_ids) x (id)
  cross join lateral (select y.slab_id from public.slab_sectors y where y.sector_id = x.id offset 0) ss
  where not exists (
      select from slabmend.sightings g
      where g.cause = the_cause and g.slab_id = ss.slab_id and g.generation = the_generation);

  return jsonb_build_object('sectors', coalesce(cardinality(sector_ids), 0), 'next', coalesce(next_sector, 0)::text,
    'slabs', slabmend.slab_health(slab_ids, grace), 'nowMs', extract(epoch from clock_timestamp()) * 1000);
end
$function$;
