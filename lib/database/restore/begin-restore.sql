-- Begins the restore of placements. This is the restore's first write, in one transaction. Neither indexd nor a worker
-- of the fleet may be running.
--
--   archived   the last incarnation in the archive of the journal; 0: there is no archive
--   answer     the run
--
-- Runs, leases and uploads that were in progress at the time of the backup are ended, because no process continues
-- them. The incarnation is raised before any row gets a position in the journal, because otherwise the restored
-- database would assign positions again that were assigned after the backup.
create or replace function slabmend.begin_restore(the_scope jsonb, the_owner text, archived integer) returns bigint
language plpgsql volatile
as $function$
declare
  the_run bigint;
  worker text;
begin
  perform slabmend.hold_indexd(array['contracts']);
  update slabmend.runs r
  set state = 'cancelled', finished_at = clock_timestamp(), coordinator = null, token = null, expires_at = null
  where r.finished_at is null;
  insert into slabmend.runs (kind, scope, owner) values ('restore', the_scope, the_owner) returning id into the_run;
  insert into slabmend.prune_hold as h (held_since, applied_at, archived)
  select clock_timestamp(), clock_timestamp(), coalesce(jsonb_object_agg(f.name,
    jsonb_build_object('incarnation', f.incarnation, 'position', f.position)), '{}')
  from slabmend.followers f where f.segment is not null
  on conflict (id) do update set applied_at = excluded.applied_at;
  -- Reap keeps prunes on hold, even after this run has ended. Only for this purpose do the workers' roles get the
  -- privilege to write next_prune.
  for worker in select f.name from slabmend.fleet_roles() f loop
    execute format('grant select (next_prune), update (next_prune) on public.contracts to %I', worker);
  end loop;
  perform slabmend.hold_prunes();
  update slabmend.journal_head set incarnation = greatest(incarnation, archived) + 1 where id = 0;
  -- The slabs of these leases keep their next_repair_attempt from the backup, and stay held until that time.
  delete from slabmend.leases where true;
  delete from slabmend.uploads where true;
  delete from slabmend.restored_moves where true;
  update slabmend.fleet
  set mode = 'maintenance', mode_owner = format('restore (run %s)', the_run),
    mode_reason = 'placements are being restored', mode_since = clock_timestamp()
  where id = 0;
  return the_run;
end
$function$;
