-- Lets indexd prune again, and revokes the workers' temporary privilege. Answer: false if prunes were not held.
create or replace function slabmend.release_prunes() returns boolean
language plpgsql volatile
as $function$
declare
  worker text;
begin
  delete from slabmend.prune_hold where id = 0;
  if not found then return false; end if;
  for worker in select f.name from slabmend.fleet_roles() f loop
    execute format('revoke select (next_prune), update (next_prune) on public.contracts from %I', worker);
  end loop;
  return true;
end
$function$;
