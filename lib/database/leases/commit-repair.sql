-- Commits a repair, in one transaction and one round trip: records its result, if that is still allowed. Design rules 2
-- to 8 and 10 of docs/architecture.md#what-must-always-hold are enforced here.
--
--   request  encoded by lib/database/leases/commit-repair.ts; "kind": repair or drain (outcome-writes.ts)
--   answer   {"kind": "committed", "outcome", "recorded": [index], "dropped": [{"index", "why"}], "denialsRecorded",
--             "denialsIgnored", "lostRecorded", "slabFinished"}
--            {"kind": "superseded", "why"}: no row of indexd was changed
--            {"kind": "already-committed", "outcome"}: an earlier call with this token has committed the repair
--
-- Idempotent by token: the token's journal row is written in the same transaction as everything else, so a caller whose
-- answer was lost may call again. If the first call is still running, the second waits for the slab's lock.
--
-- Locks, in this order: the tables, so that indexd cannot be upgraded meanwhile (hold_indexd); the slab; the lease;
-- then what lock_for_commit locks. A transaction that holds one of these locks never waits for one that comes earlier
-- in this order, except indexd's MigrateSector, which locks the old host before the new one: we and indexd both retry
-- after a deadlock. If indexd waits to block a host while we hold the host's lock, our check still sees the host as not
-- blocked. The host's contracts become bad afterwards, and the slab is claimed again.
--
-- Each step is a function in a file of the same name, in this directory, ../denials or ../indexd/version. All run in
-- this transaction.
create or replace function slabmend.commit_repair(request jsonb) returns jsonb
language plpgsql volatile
-- Planned once per connection, as are all functions called from here: planning costs more than running.
set plan_cache_mode = force_generic_plan
as $function$
declare
  the_slab constant bigint not null := (request->>'slabId')::bigint;
  the_digest constant bytea not null := decode(request->>'digest', 'hex');
  the_token constant uuid not null := (request->>'token')::uuid;
  reported constant text not null := request->'outcome'->>'kind';
  -- After its lease has expired, a repair may still commit for this long, until reap ends the lease: so a short outage
  -- does not waste the transfers. A later commit is refused: the worker or this server must have been suspended, and a
  -- host deletes a sector after three days if it is in no contract. A sector that was found
  -- (lib/database/leases/uploads.ts) may be two days old when it is committed.
  expired_for constant interval not null := interval '1 hour';
  error_code text := request->'outcome'->>'error';
  profile integer;
  slab record;
  slab_found boolean;
  lease slabmend.leases;
  superseded_by text;
  denied record;
  needed jsonb;
  decided jsonb;
  lost record;
  moved record;
  plan record;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'commit_repair needs read committed' using errcode = 'invalid_transaction_state';
  end if;

  -- Null: this version of indexd's database must not be written to, and the repair ends as superseded.
  profile := slabmend.hold_indexd(array['slabs', 'sectors', 'hosts', 'stats_deltas'], may_be_refused => true);
  select s.digest, s.next_repair_attempt into slab from public.slabs s where s.id = the_slab for no key update;
  slab_found := found;
  select l.* into lease from slabmend.leases l where l.slab_id = the_slab for update;
  if not found or lease.token <> the_token then
    return slabmend.fate_of_token(the_token);
  elsif lease.began_at is null then
    return jsonb_build_object('kind', 'superseded', 'why', 'never-begun');
  elsif not slab_found or slab.digest <> the_digest then
    superseded_by := 'slab-gone';
  elsif slab.next_repair_attempt <> lease.held_until then
    -- indexd claimed the slab during our lease, so it is now indexd's to repair.
    superseded_by := 'indexd-claimed';
  elsif lease.expires_at < clock_timestamp() - expired_for then
    superseded_by := 'lease-expired';
  elsif reported = 'stale' then
    superseded_by := 'reported-stale';
  elsif profile is null then
    superseded_by := 'indexd-changed';
  end if;

  if superseded_by is not null then
    -- Only our own tables are written. The journal gets its row, because the repair's cost was spent in any case.
    delete from slabmend.leases l where l.slab_id = the_slab;
    perform slabmend.write_journal(request, lease, 'superseded', superseded_by, '[]', '[]', '[]');
    return jsonb_build_object('kind', 'superseded', 'why', superseded_by);
  end if;

  if jsonb_array_length(request->'moves') > 0 or jsonb_array_length(request->'denied') > 0
    or jsonb_array_length(request->'served') > 0 then
    perform slabmend.lock_for_commit(the_slab, request->'moves', request->'denied');
  end if;

  select * into denied from slabmend.record_denials(the_slab, request->'denied');
  perform slabmend.clear_denials(the_slab, request->'served', lease.began_at);
  select coalesce(jsonb_agg(m), '[]') into needed from slabmend.sectors_to_move(array[the_slab]) m;
  -- Moves are judged before losses are recorded, because a denial may become a loss only if its sector moves
  -- (believed_denials). Such a sector is recorded first as lost and then as migrated, in indexd's own order, so that
  -- indexd's counters add up.
  select coalesce(jsonb_agg(j), '[]') into decided from slabmend.judge_moves(the_slab, request->'moves', needed) j;
  select * into lost from slabmend.record_lost(the_slab, case when denied.ignored then '[]'
    else slabmend.believed_denials(the_slab, decided, request->'denied') end);
  select * into moved from slabmend.record_moves(decided);

  perform slabmend.count_moves(moved.total, moved.were_pinned, moved.were_lost, lost.pinned, lost.unpinned, lost.counted);

  select * into plan from slabmend.schedule_slab(the_slab, request->>'kind', request->'writes', request->'badShards',
    lease.held_until, slabmend.sectors_left(the_slab, needed, decided), moved.total, denied.total, denied.ignored, moved.still_needed);
  if reported in ('repaired', 'partial-deadline', 'partial-refused') then
    perform slabmend.close_recovery_window(the_slab, profile);
  end if;
  if denied.ignored and plan.writes->>'recordAs' = 'fault' then error_code := 'denied-by-many-hosts'; end if;
  perform slabmend.write_history(the_slab, the_digest, request->>'kind', plan.writes->>'recordAs', error_code, plan.setbacks,
    plan.next_attempt, request->'badShards', (plan.writes->>'atRisk')::boolean);
  perform slabmend.write_journal(request, lease, plan.writes->>'recordAs', error_code, moved.entries, lost.entries,
    moved.dropped);
  if moved.total > 0 then
    insert into slabmend.moved (slab_id, digest, moved_at) values (the_slab, the_digest, clock_timestamp());
  end if;
  -- Upload notes for the moves of this commit are deleted: each move was recorded or finally refused. Other upload
  -- notes of the slab are kept for its next repair, unless the slab is finished.
  delete from slabmend.uploads u
  where u.slab_id = the_slab
    and (plan.finished or u.sector_id in (select (m->>'sectorId')::bigint from jsonb_array_elements(request->'moves') m));
  delete from slabmend.leases l where l.slab_id = the_slab;

  return jsonb_build_object('kind', 'committed', 'outcome', plan.writes->>'recordAs', 'recorded', moved.recorded,
    'dropped', moved.dropped, 'denialsRecorded', denied.total, 'denialsIgnored', denied.ignored,
    'lostRecorded', lost.total, 'slabFinished', plan.finished);
end
$function$;
