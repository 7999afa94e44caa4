-- A heartbeat: extends a running lease and records what the repair has spent and stored so far. Never revives an
-- expired lease. Returns false if the worker has to stop, because its lease is lost or indexd has claimed its slab.
-- Reads slabs by primary key without a lock and writes only our own rows. The lease is updated in place, because no
-- written column is indexed.
--
--   spent    {"bytesRead", "bytesWritten", "hastings"}, totals since the repair began
--   stored   [{"sectorId", "hostId"}]: sectors that these hosts have acknowledged since the last heartbeat
--
-- Locks: lease, uploads. If the answer is false, nothing is recorded.
create or replace function slabmend.extend_lease(the_slab bigint, the_token uuid, lease_ms bigint, spent jsonb,
  stored jsonb) returns boolean
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
  if not found then
    return false;
  end if;
  if jsonb_array_length(stored) > 0 then
    insert into slabmend.uploads as u (slab_id, sector_id, host_id, token, noted_at)
    select the_slab, n."sectorId", n."hostId", the_token, clock_timestamp()
    from jsonb_to_recordset(stored) as n ("sectorId" bigint, "hostId" integer)
    order by n."sectorId", n."hostId"
    -- The sector was uploaded to the same host again, so the host keeps it for three days from now.
    on conflict (slab_id, sector_id, host_id) do update set token = excluded.token, noted_at = excluded.noted_at;
  end if;
  return true;
end
$function$;
