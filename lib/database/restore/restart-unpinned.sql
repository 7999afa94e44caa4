-- Gives unpinned sectors another three days: those of the backup, and those that the restore itself has unpinned or
-- placed. With older upload times, indexd's first pass would treat them as never pinned and forget their hosts. An open
-- denial is bound to its sector's upload time, so it gets the new time too and stays open.
--
--   after        sectors up to this id are done
--   last_sector  the last id of this page; null: there are no more sectors
create or replace function slabmend.restart_unpinned(the_run bigint, the_token uuid, after bigint, most integer,
  out last_sector bigint, out sectors integer)
language plpgsql volatile
as $function$
begin
  perform slabmend.hold_indexd(array['sectors']);
  perform slabmend.hold_run(the_run, the_token);
  with page as materialized (
    select s.id, s.uploaded_at
    from public.sectors s
    where s.host_id is not null and s.contract_sectors_map_id is null and s.id > after
    order by s.id limit most
  ), done as (
    update public.sectors s set uploaded_at = clock_timestamp() from page p where s.id = p.id
    returning s.id, s.host_id, s.uploaded_at, p.uploaded_at as uploaded_before
  ), moved_along as (
    update slabmend.denials d set uploaded_at = n.uploaded_at
    from done n
    where d.sector_id = n.id and d.host_id = n.host_id and d.state = 'open' and d.map_id is null
      and d.uploaded_at = n.uploaded_before
  )
  select max(d.id), count(*) into last_sector, sectors from done d;
end
$function$;
