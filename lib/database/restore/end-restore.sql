-- Removes what only an unfinished restore needs: the archive's places, and the mode `maintenance`. The fleet stays
-- paused, but an operator may now resume it. May be repeated.
create or replace function slabmend.end_restore(the_run bigint, the_token uuid) returns void
language plpgsql volatile
as $function$
begin
  perform slabmend.hold_run(the_run, the_token);
  delete from slabmend.restored_moves where true;
  update slabmend.fleet
  set mode = 'paused', mode_reason = 'a restore has ended: docs/restore.md says when to resume'
  where mode = 'maintenance' and mode_owner = format('restore (run %s)', the_run);
end
$function$;
