-- Gives sectors that were unpinned in the backup another three days. With their upload times from the backup, indexd's
-- first pass would treat them as never pinned and forget their hosts.
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
    select s.id
    from public.sectors s
    where s.host_id is not null and s.contract_sectors_map_id is null and s.id > after
    order by s.id limit most
  ), done as (
    update public.sectors s set uploaded_at = clock_timestamp() from page p where s.id = p.id
    returning s.id
  )
  select max(d.id), count(*) into last_sector, sectors from done d;
end
$function$;
