-- Locks the row of a maintenance run and verifies that its coordinator still holds the lease. Called first in every
-- transaction that writes for the run, so that no other process can take the run over before the commit. Raises SM003
-- if the lease is lost.
create or replace function slabmend.hold_run(the_run bigint, the_token uuid) returns slabmend.runs
language plpgsql
as $function$
declare
  run slabmend.runs;
begin
  select * into run from slabmend.runs where id = the_run for update;
  if run.token is distinct from the_token then
    raise exception using errcode = 'SM003', message = format('the lease of maintenance run %s is lost', the_run);
  end if;
  return run;
end
$function$;
