-- One page of the bad sectors of one cause, by ascending id, starting after a position. next_sector: the sector after which the
-- next page starts; null after the last page. Read only; takes no row lock; uses its caller's snapshot.
--
--   lost           sectors without host
--   denied         sectors with an open denial
--   bad-contract   sectors pinned to a contract that is not good or neither pending nor active
--   bad-host       unpinned sectors of hosts that are not good or have no active contract, where they would sit for three
--                  days; indexd does not look for them
--
-- Contracts' and hosts' sectors are found contract by contract, in the order of their own index. From each a share of the
-- page is read, and the page ends at the lowest id at which one of them stopped short: up to there nothing is missing.
-- Reading a whole page from each would cost a page for every bad contract, so most of what is read would be thrown away.
--
-- Unpinned sectors of a host have no index in the order of ids. A few pages of them are read whole and sorted (indexd takes them off
-- a host that it blocks). Of more, all unpinned sectors of any host are gone through by id, a few pages at a time.
--
-- Indexes: sectors_lost_idx; denials_open_idx; sectors_contract_sectors_map_id_id_idx, also for unpinned sectors by id;
-- sectors_host_id_null_contract_map_idx.
create or replace function slabmend.bad_sectors(the_cause text, from_sector bigint, page_sectors integer,
  out sector_ids bigint[], out next_sector bigint)
language plpgsql stable
set enable_seqscan = off
-- On a table that was not vacuumed lately the planner would rather read a whole contract by another index that begins with
-- contract_sectors_map_id, and sort it.
set enable_incremental_sort = off
-- What an index has in order is to be read in that order, so that it ends with the page.
set enable_sort = off
as $function$
declare
  parts integer[];
  share integer;
  unpinned_sectors bigint;
  -- Unpinned sectors looked at: some milliseconds.
  most_unpinned constant integer not null := greatest(10 * page_sectors, 1000);
begin
  case the_cause
    when 'lost' then
      select array_agg(s.id order by s.id) into sector_ids
      from (
        select s.id from public.sectors s where s.host_id is null and s.id > from_sector order by s.id limit page_sectors
      ) s;
      if cardinality(sector_ids) = page_sectors then next_sector := sector_ids[page_sectors]; end if;
    when 'denied' then
      select array_agg(d.sector_id order by d.sector_id) into sector_ids
      from (
        select x.sector_id from slabmend.open_denials() x where x.sector_id > from_sector order by x.sector_id limit page_sectors
      ) d;
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
      select array_agg(h.host_id), sum(host.unpinned_sectors) into parts, unpinned_sectors
      from slabmend.host_states() h
      join public.hosts host on host.id = h.host_id and host.unpinned_sectors > 0
      where not (h.good and h.has_active_contract);
      if unpinned_sectors <= most_unpinned then
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
      elsif unpinned_sectors > most_unpinned then
        with unpinned as materialized (
          select x.id, x.host_id from public.sectors x
          where x.contract_sectors_map_id is null and x.id > from_sector
          order by x.contract_sectors_map_id, x.id limit most_unpinned
        ), page as (
          select u.id from unpinned u where u.host_id = any (parts) order by u.id limit page_sectors
        )
        select array_agg(p.id order by p.id),
          case
            when count(*) = page_sectors then max(p.id)
            when (select count(*) from unpinned) = most_unpinned then (select max(u.id) from unpinned u)
          end
        into sector_ids, next_sector
        from page p;
      end if;
    else
      raise exception 'bad_sectors: unknown cause %', the_cause using errcode = 'invalid_parameter_value';
  end case;
end
$function$;
