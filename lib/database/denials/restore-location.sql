-- Records a sector on the host that has just served it, as indexd's re-pinning does; started by an operator. If the
-- sector is still recorded on this host, only the denial is removed.
--
--   answer   'restored', 'cleared', or why neither was done: 'sector-gone', 'located-elsewhere', 'host-gone',
--            'host-blocked', 'host-without-good-contract', 'host-taken' (the host has another sector of one of this
--            sector's slabs)
--
-- Rows of lost_sectors stay: the host did deny the sector. The caller has read the whole sector from the host and
-- verified its root.
--
-- Locks, in this order: the tables, so that indexd cannot be upgraded meanwhile (hold_indexd); the sector's slabs by
-- id; all sectors of these slabs by root; the host; the denial.
create or replace function slabmend.restore_location(the_sector bigint, the_root bytea, the_host integer) returns text
language plpgsql volatile
as $function$
declare
  sector record;
  host record;
begin
  perform slabmend.hold_indexd(array['slabs', 'sectors', 'hosts', 'stats_deltas']);
  perform from public.slabs s
  where s.id in (select ss.slab_id from public.slab_sectors ss where ss.sector_id = the_sector)
  order by s.id for no key update;
  perform from public.sectors s
  where s.id = the_sector or s.id in (
    select other.sector_id from public.slab_sectors mine
    join public.slab_sectors other on other.slab_id = mine.slab_id
    where mine.sector_id = the_sector)
  order by s.sector_root for no key update;
  perform from public.hosts h where h.id = the_host for no key update;

  select s.host_id into sector from public.sectors s where s.id = the_sector and s.sector_root = the_root;
  if not found then return 'sector-gone'; end if;
  if sector.host_id = the_host then
    delete from slabmend.denials d where d.sector_id = the_sector and d.host_id = the_host;
    return 'cleared';
  elsif sector.host_id is not null then
    return 'located-elsewhere';
  end if;
  select h.blocked, h.has_healthy_contract into host from slabmend.host_states() h where h.host_id = the_host;
  if not found then return 'host-gone'; end if;
  if host.blocked then return 'host-blocked'; end if;
  if not host.has_healthy_contract then return 'host-without-good-contract'; end if;
  perform from public.slab_sectors mine
  join public.slab_sectors other on other.slab_id = mine.slab_id and other.sector_id <> mine.sector_id
  join public.sectors o on o.id = other.sector_id
  where mine.sector_id = the_sector and o.host_id = the_host;
  if found then return 'host-taken'; end if;

  update public.sectors s
  set host_id = the_host, contract_sectors_map_id = null, consecutive_failed_checks = 0, uploaded_at = clock_timestamp()
  where s.id = the_sector;
  update public.hosts h set unpinned_sectors = h.unpinned_sectors + 1 where h.id = the_host;
  insert into public.stats_deltas (stat_name, stat_delta) values ('num_unpinned_sectors', 1), ('num_unpinnable_sectors', -1);
  delete from slabmend.denials d where d.sector_id = the_sector and d.host_id = the_host;
  return 'restored';
end
$function$;
