-- Entries of the backlog are locked by ascending slab id, whoever locks several: docs/architecture.md, Locks.
create or replace function slabmend.look_again_when_leases_end() returns trigger
language plpgsql
as $function$
declare
  slab_ids bigint[];
begin
  select array_agg(b.slab_id) into slab_ids
  from (
    select b.slab_id
    from slabmend.backlog b
    where b.slab_id = any (array(select e.slab_id from ended e))
    order by b.slab_id
    for no key update
  ) b;
  -- A new statement: what the walk made ready while we waited stays so.
  update slabmend.backlog b set look_at = clock_timestamp() where b.slab_id = any (slab_ids) and not b.ready;
  return null;
end
$function$;
