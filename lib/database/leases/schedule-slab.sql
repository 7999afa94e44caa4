-- Decides what an outcome writes about its slab, and writes the time of the next attempt and indexd's failure counter.
--
--   job               the kind: repair or drain
--   choices           the choices of lib/database/leases/outcome-writes.ts: {"asReported", "ifSomeDropped", …}
--   sectors_left      slab indices that still have to move
--   moved, denied     how many moves and how many denials the commit recorded
--   still_needed      how many dropped moves are still needed, as returned by record_moves
--   denials_ignored   no denial was recorded: so many hosts deny sectors that the cause is on our side
--   writes            the one of the choices that was made
--
-- A repair that reported itself as complete becomes partial if a still needed move was dropped, or if a host denied a
-- source. The caller holds the slab's lock.
create or replace function slabmend.schedule_slab(the_slab bigint, job text, choices jsonb, new_bad_shards jsonb, held_until timestamptz,
  sectors_left integer[], moved bigint, denied integer, denials_ignored boolean, still_needed bigint,
  out writes jsonb, out setbacks integer, out next_attempt timestamptz, out finished boolean)
language plpgsql volatile
as $function$
declare
  slab record;
  history record;
  failures integer;
  only_bad_left boolean;
begin
  select s.next_repair_attempt, s.consecutive_failed_repairs into slab from public.slabs s where s.id = the_slab;
  select r.kind, r.last_outcome, r.setbacks, r.bad_shards into history from slabmend.repairs r where r.slab_id = the_slab;
  -- If only shards are left that no repair can reproduce, the slab waits; otherwise it would be leased again and again.
  finished := sectors_left = '{}';
  only_bad_left := not finished and sectors_left <@ array(
    select (bad->>'index')::integer from jsonb_array_elements(coalesce(history.bad_shards, '[]') || new_bad_shards) as bad);
  writes := choices->(case
    when denials_ignored and moved = 0 then 'ifDenialsIgnored'
    when only_bad_left then 'ifOnlyBadShardsLeft'
    when still_needed = 0 and (denied = 0 or finished) then 'asReported'
    when moved > 0 then 'ifSomeDropped'
    else 'ifNothingRecorded'
  end);
  setbacks := case
    when writes->>'setbacks' = 'zero' then 0
    -- Setbacks of a drain do not lengthen the backoff of a repair, and vice versa, because a drain waits minutes and a
    -- repair hours.
    when history.last_outcome = writes->>'recordAs' and history.kind = job then least(history.setbacks + 1, 1000)
    else 1
  end;
  failures := case writes->>'failedCounter'
    when 'zero' then 0
    when 'keep' then slab.consecutive_failed_repairs
    -- At most 20, because indexd shifts by this number, and a shift by 22 overflows.
    when 'increment' then least(slab.consecutive_failed_repairs + 1, 20)
  end;
  next_attempt := case writes->'next'->>'kind'
    when 'keep' then held_until
    when 'now' then clock_timestamp()
    when 'backoff' then clock_timestamp() + make_interval(secs => (
      writes->'next'->'scheduleMs'->>least(
        case writes->'next'->>'countedBy'
          when 'failed' then slab.consecutive_failed_repairs
          when 'setbacks' then setbacks - 1
        end,
        jsonb_array_length(writes->'next'->'scheduleMs') - 1)
    )::double precision / 1000)
  end;
  if failures <> slab.consecutive_failed_repairs or next_attempt <> slab.next_repair_attempt then
    update public.slabs s
    set consecutive_failed_repairs = failures, next_repair_attempt = next_attempt
    where s.id = the_slab;
  end if;
end
$function$;
