-- Claims sectors of one host, as indexd's own integrity check does: the sectors whose check is due, the longest overdue
-- first, skipping locked rows. The next check of the claimed sectors moves to 30 minutes from now: until then indexd
-- leaves these sectors alone; if we never finish, indexd checks them.
--
-- Locks, in this order: the tables, so that indexd cannot be upgraded meanwhile; the sectors, skipping locked rows.
-- Index: sectors (host_id, next_integrity_check).
create or replace function slabmend.claim_due_checks(the_host integer, most integer, out claimed_until timestamptz,
  out sector_ids bigint[])
language plpgsql volatile
as $function$
declare
  moment timestamptz;
begin
  perform slabmend.hold_indexd(array['sectors']);
  moment := clock_timestamp();
  claimed_until := moment + interval '30 minutes';
  with due as (
    select s.id from public.sectors s where s.host_id = the_host and s.next_integrity_check <= moment
    order by s.next_integrity_check limit most
    for no key update skip locked
  ), claimed as (
    update public.sectors s set next_integrity_check = claimed_until from due where s.id = due.id returning s.id
  )
  select coalesce(array_agg(c.id), '{}') into sector_ids from claimed c;
end
$function$;
