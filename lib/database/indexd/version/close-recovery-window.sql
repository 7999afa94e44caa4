-- Called after a slab's shards were recovered; does the same as indexd's MarkSlabRepaired. If the slab's recovery
-- window is still open, this function closes it. If the window had already ended, indexd has marked the slab as
-- unrecoverable and no longer tries to repair it: this function then removes the mark. A slab that can never be
-- completed (unrecoverable_since is the epoch) stays marked. indexd's trigger maintains num_unrecoverable_slabs.
--
-- Does nothing in versions before 26, in which indexd does not change the mark either. Does nothing while fewer than
-- min_shards sectors have a host: the repair then only copied sectors and recovered nothing. Only indexd opens a
-- window: it reads from fewer hosts than we do, so it is the first to find too few sources.
--
-- The caller holds the slab's lock and the lock of its table (hold-indexd.sql). Until the role has the privileges on
-- columns that an upgrade added, the window stays as it is; doctor and claim report this.
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
