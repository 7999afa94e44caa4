-- heartbeat: a running lease lasts longer, and says what was spent so far. Never revives an expired one, and tells a worker
-- to stop when indexd has taken its slab. Reads slabs by primary key without a lock; writes our row only, in place: none of
-- what it writes is indexed.
--
--   spent    {"bytesRead", "bytesWritten", "hastings"}, since the repair began
create or replace function slabmend.extend_lease(the_slab bigint, the_token uuid, lease_ms bigint, spent jsonb) returns boolean
language plpgsql volatile
as $function$
begin
  update slabmend.leases l
  set expires_at = clock_timestamp() + make_interval(secs => lease_ms::double precision / 1000),
    bytes_read = (spent->>'bytesRead')::bigint,
    bytes_written = (spent->>'bytesWritten')::bigint,
    hastings = (spent->>'hastings')::numeric
  where l.slab_id = the_slab and l.token = the_token and l.began_at is not null and l.expires_at > clock_timestamp()
    and exists (select from public.slabs s where s.id = l.slab_id and s.next_repair_attempt = l.held_until);
  return found;
end
$function$;
