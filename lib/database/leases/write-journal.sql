-- Appends a finished repair and its lease to the journal.
--
--   request  the request of commit_repair: kind, token, digest, costs, phases and the reported outcome
create or replace function slabmend.write_journal(request jsonb, lease slabmend.leases, outcome text, error_code text,
  moves jsonb, lost jsonb, dropped jsonb) returns void
language sql volatile
as $function$
  insert into slabmend.journal (token, kind, slab_id, digest, outcome, reported_outcome, error, moves, lost, dropped,
    bytes_read, bytes_written, hastings, phases_ms, worker, leased_at, began_at, finished_at)
  values (lease.token, request->>'kind', lease.slab_id, decode(request->>'digest', 'hex'), outcome, request->'outcome'->>'kind',
    error_code, moves, lost, dropped, (request->>'bytesRead')::bigint, (request->>'bytesWritten')::bigint,
    (request->>'hastings')::numeric, request->'phasesMs', lease.worker, lease.leased_at, lease.began_at, clock_timestamp())
$function$;
