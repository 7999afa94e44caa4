-- One page of the sectors pinned by these rows of contract_sectors_map: at most page_sectors ids above from_sector,
-- ascending. next_sector: as in bad_sectors. Only reads.
--
-- Of each map row only the first sectors above from_sector are read, by an index: at most `share` of them. Reading a
-- whole page for each map row would be wasteful, because most of these sectors would be discarded. A map row that fills
-- its share may have further sectors after the last one that was read. So the page ends at the lowest id at which a map
-- row's share became full: up to this id no sector is missing.
--
-- Index: sectors_contract_sectors_map_id_id_idx.
create or replace function slabmend.pinned_sectors(map_ids integer[], from_sector bigint, page_sectors integer,
  out sector_ids bigint[], out next_sector bigint)
language plpgsql stable
set enable_seqscan = off
-- With incremental sorts, on a table that was not vacuumed recently, the planner may read all sectors of a contract by
-- another index that begins with contract_sectors_map_id, and sort them.
set enable_incremental_sort = off
-- Without sorts the sectors are read in the order of the index, so that reading stops at the end of the page.
set enable_sort = off
as $function$
declare
  share constant integer not null := least(page_sectors, 20 + 2 * page_sectors / greatest(coalesce(cardinality(map_ids), 0), 1));
begin
  with found as materialized (
    select part.id as part, s.id
    from unnest(map_ids) part (id)
    cross join lateral (
      -- A row comparison instead of `= and >`: with an equality the planner may walk the primary key to the end of the
      -- table if a contract has no further sectors.
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
end
$function$;
