-- The roles to which the output of `slabmend grant` gave the fleet's privileges, except the owner of the tables.
create or replace function slabmend.fleet_roles() returns table (name name)
language sql stable
as $function$
  select r.rolname
  from pg_catalog.pg_class c
  cross join lateral aclexplode(c.relacl) a
  join pg_catalog.pg_roles r on r.oid = a.grantee
  where c.oid = 'slabmend.prune_hold'::regclass and a.privilege_type = 'UPDATE' and a.grantee <> c.relowner
$function$;
