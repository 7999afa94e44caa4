-- Begins a repair, in one transaction and one round trip: turns a lease into a running repair, once.
--
--   request  {"slabId", "token", "worker", "holdMs", "leaseMs", "again"}
--            again: this same worker repeats a call whose answer was lost
--   answer   {"kind": "begun", "expiresInMs", "nowMs"} or {"kind": "stale", "why"}
--
-- Locks, in this order: the table slabs, so that indexd cannot be upgraded meanwhile (hold-indexd.sql); the slab, for
-- which it waits; the lease. If a message is delivered twice at the same time, the second call waits for the slab and
-- finds that the lease has begun. A lease that expired before it began may still begin: until reap deletes the lease,
-- no other worker can have the slab.
create or replace function slabmend.begin_repair(request jsonb) returns jsonb
language plpgsql volatile
as $function$
declare
  the_slab constant bigint not null := (request->>'slabId')::bigint;
  the_token constant uuid not null := (request->>'token')::uuid;
  hold constant interval not null := make_interval(secs => (request->>'holdMs')::double precision / 1000);
  lease_for constant interval not null := make_interval(secs => (request->>'leaseMs')::double precision / 1000);
  next_attempt timestamptz;
  slab_found boolean;
  lease record;
  moment timestamptz;
begin
  perform slabmend.hold_indexd(array['slabs']);

  select s.next_repair_attempt into next_attempt
  from public.slabs s where s.id = the_slab
  for no key update;
  slab_found := found;

  select l.token, l.held_until, l.began_at, l.worker into lease
  from slabmend.leases l where l.slab_id = the_slab
  for update;

  if not found then
    return jsonb_build_object('kind', 'stale', 'why', 'no-lease');
  elsif lease.token <> the_token then
    return jsonb_build_object('kind', 'stale', 'why', 'leased-again');
  elsif lease.began_at is not null and not (lease.worker = request->>'worker' and (request->>'again')::boolean) then
    return jsonb_build_object('kind', 'stale', 'why', 'already-begun');
  elsif not slab_found then
    delete from slabmend.leases l where l.slab_id = the_slab;
    return jsonb_build_object('kind', 'stale', 'why', 'slab-gone');
  elsif next_attempt <> lease.held_until then
    -- indexd claimed the slab while the message was in the queue.
    delete from slabmend.leases l where l.slab_id = the_slab;
    return jsonb_build_object('kind', 'stale', 'why', 'indexd-claimed');
  end if;

  moment := clock_timestamp();
  update public.slabs s set next_repair_attempt = moment + hold where s.id = the_slab;
  update slabmend.leases l
  set began_at = moment, worker = request->>'worker', held_until = moment + hold, expires_at = moment + lease_for
  where l.slab_id = the_slab;
  return jsonb_build_object('kind', 'begun', 'expiresInMs', (request->>'leaseMs')::bigint,
    'nowMs', round(extract(epoch from moment) * 1000)::bigint);
end
$function$;
