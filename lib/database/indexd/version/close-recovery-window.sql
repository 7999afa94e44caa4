-- What indexd's MarkSlabRepaired does to the mark of a slab whose shards were recovered: the recovery window is closed, and
-- a slab that was marked when it ran out is back in indexd's rotation. A slab that can never be completed (epoch) stays
-- marked. indexd's trigger keeps num_unrecoverable_slabs.
--
-- Only from 26 on: before, indexd does not touch the mark either. Not while fewer than min_shards sectors have a host: then
-- only copies were made, nothing was recovered. A repair that finds too few sources leaves opening the window to indexd,
-- which reads from fewer hosts than we do, and so is the first to know.
--
-- The caller holds the slab's lock and the table (hold-indexd.sql). Before the role has the rights on columns that came
-- with an upgrade, the window stays; doctor and claim say so.
create or replace function slabmend.close_recovery_window(the_slab bigint, profile integer) returns void
language plpgsql volatile
as $function$
begin
  if profile < 26
    or not has_column_privilege('public.slabs', 'unrecoverable_since', 'select')
    or not has_column_privilege('public.slabs', 'unrecoverable_since', 'update')
    or not has_column_privilege('public.slabs', 'unrecoverable_reason', 'update') then
    return;
  end if;
  update public.slabs s set unrecoverable_since = null, unrecoverable_reason = null
  where s.id = the_slab and s.unrecoverable_since <> 'epoch'
    and s.min_shards <= (
      select count(x.host_id) from public.slab_sectors ss join public.sectors x on x.id = ss.sector_id
      where ss.slab_id = s.id);
end
$function$;
