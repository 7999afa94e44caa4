-- One page of the unpinned sectors of these hosts: at most page_sectors ids above from_sector, ascending. next_sector:
-- as in bad_sectors. Only reads.
--
-- No index has a host's unpinned sectors in the order of ids. If these hosts have only a few pages of unpinned sectors,
-- all these sectors are read and sorted. This is the usual case, because indexd removes the unpinned sectors of a host
-- that it blocks. If these hosts have more, the unpinned sectors of all hosts are scanned by id, a few pages at a time.
--
-- Indexes: sectors_host_id_null_contract_map_idx; sectors_contract_sectors_map_id_id_idx for unpinned sectors by id.
create or replace function slabmend.unpinned_sectors(host_ids integer[], from_sector bigint, page_sectors integer,
  out sector_ids bigint[], out next_sector bigint)
language plpgsql stable
set enable_seqscan = off
-- Without sorts the sectors are read in the order of the index, so that reading stops at the end of the page.
set enable_incremental_sort = off
set enable_sort = off
as $function$
declare
  unpinned_count bigint := (select sum(h.unpinned_sectors) from public.hosts h where h.id = any (host_ids));
  -- The most unpinned sectors that are read for one page; reading them takes some milliseconds.
  most_unpinned constant integer not null := greatest(10 * page_sectors, 1000);
begin
  if unpinned_count <= most_unpinned then
    select array_agg(s.id order by s.id) into sector_ids
    from (
      select s.id
      from unnest(host_ids) part (id)
      cross join lateral (
        select x.id from public.sectors x
        where x.host_id = part.id and x.contract_sectors_map_id is null and x.id > from_sector offset 0
      ) s
      order by s.id limit page_sectors
    ) s;
    if cardinality(sector_ids) = page_sectors then next_sector := sector_ids[page_sectors]; end if;
  elsif unpinned_count > most_unpinned then
    with unpinned as materialized (
      select x.id, x.host_id from public.sectors x
      where x.contract_sectors_map_id is null and x.id > from_sector
      order by x.contract_sectors_map_id, x.id limit most_unpinned
    ), page as (
      select u.id from unpinned u where u.host_id = any (host_ids) order by u.id limit page_sectors
    )
    select array_agg(p.id order by p.id),
      case
        when count(*) = page_sectors then max(p.id)
        when (select count(*) from unpinned) = most_unpinned then (select max(u.id) from unpinned u)
      end
    into sector_ids, next_sector
    from page p;
  end if;
end
$function$;
