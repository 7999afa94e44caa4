-- One page of the sectors that are bad for one cause: at most page_sectors ids above from_sector, ascending.
-- next_sector: the from_sector of the next page; null after the last page. Only reads, without row locks, in its
-- caller's snapshot.
--
--   lost           sectors without a host
--   denied         sectors with an open denial
--   bad-contract   sectors pinned to a contract that is not good, or whose state is neither pending nor active
--   bad-host       unpinned sectors of hosts that are not good or have no active contract: such a host keeps them for
--                  only three days, and indexd does not look for them
--   draining       pinned and unpinned sectors of hosts that are being drained; none while the drain is paused
--
-- Calls pinned_sectors() and unpinned_sectors(). Besides the indexes of these two functions it uses sectors_lost_idx
-- and denials_open_idx.
create or replace function slabmend.bad_sectors(the_cause text, from_sector bigint, page_sectors integer,
  out sector_ids bigint[], out next_sector bigint)
language plpgsql stable
set enable_seqscan = off
set enable_incremental_sort = off
-- No sorting: ids are read in the order of an index, so that reading stops at the end of the page.
set enable_sort = off
as $function$
declare
  parts integer[];
  pinned record;
  unpinned record;
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
      select p.sector_ids, p.next_sector into sector_ids, next_sector
      from slabmend.pinned_sectors(parts, from_sector, page_sectors) p;
    when 'bad-host' then
      select array_agg(h.host_id) into parts
      from slabmend.host_states() h
      join public.hosts host on host.id = h.host_id and host.unpinned_sectors > 0
      where not (h.good and h.has_active_contract);
      select p.sector_ids, p.next_sector into sector_ids, next_sector
      from slabmend.unpinned_sectors(parts, from_sector, page_sectors) p;
    when 'draining' then
      parts := array(select d.host_id from slabmend.draining_hosts() d where not d.is_paused);
      if cardinality(parts) > 0 then
        select * into pinned from slabmend.pinned_sectors(array(
          select m.id from public.contracts c join public.contract_sectors_map m on m.contract_id = c.contract_id
          where c.host_id = any (parts)), from_sector, page_sectors);
        select * into unpinned from slabmend.unpinned_sectors(parts, from_sector, page_sectors);
        -- The pinned and the unpinned sectors are each complete up to their own next_sector, so the page ends at the
        -- lower one.
        next_sector := least(pinned.next_sector, unpinned.next_sector);
        sector_ids := array(
          select s.id from (
            select unnest(pinned.sector_ids) union all select unnest(unpinned.sector_ids)
          ) s (id)
          where next_sector is null or s.id <= next_sector order by s.id);
      end if;
    else
      raise exception 'bad_sectors: unknown cause %', the_cause using errcode = 'invalid_parameter_value';
  end case;
end
$function$;
