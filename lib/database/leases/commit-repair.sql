-- commit, one transaction and one round trip: record what a repair did, if it may still be recorded. Design rules 2 to 8
-- and 10 of docs/architecture.md, What must always hold, are kept here.
--
--   request  lib/database/leases/commit-repair.ts encodes it
--   answer   {"kind": "committed", "outcome", "recorded": [index], "dropped": [{"index", "why"}], "lostRecorded",
--             "slabFinished"}
--            {"kind": "superseded", "why"}: nothing of indexd's was changed
--            {"kind": "already-committed", "outcome"}: by an earlier call with this token
--
-- Idempotent by token: the journal's row of a token is written in the same transaction as everything else, so a caller
-- whose answer was lost calls again. The call that may still be running holds the slab's lock.
--
-- Locks: the tables against an upgrade of indexd (hold-indexd.sql); slab, lease, the slab's sectors by ascending root, hosts by ascending id; each in a statement of its own, and
-- whatever is decided is read in a later statement, which in READ COMMITTED sees all that committed before the lock was
-- granted. `for no key update` does not stop foreign-key checks. Nobody who holds one of these waits for an earlier one,
-- except indexd's MigrateSector (old host, then new one): both sides retry a deadlock.
--
-- Why the hosts are locked before rule 4 is checked: two slabs that share no sector may both share one with a third.
-- Their commits meet in no sector, but sectors of the third could come to one host only if both name that host.
--
-- A host that indexd blocks while we hold its lock: the check saw the moment before. Its contracts become bad, and the
-- sector is claimed again.
--
-- Indexes: primary keys; journal_token_key; slab_sectors_pkey, slab_sectors_sector_id_slab_id_idx;
-- contracts_host_id_active_good_idx; object_slabs_slab_digest_idx.
create or replace function slabmend.commit_repair(request jsonb) returns jsonb
language plpgsql volatile
as $function$
declare
  the_slab constant bigint not null := (request->>'slabId')::bigint;
  the_digest constant bytea not null := decode(request->>'digest', 'hex');
  the_token constant uuid not null := (request->>'token')::uuid;
  reported constant text not null := request->'outcome'->>'kind';
  profile integer;
  writes jsonb;
  slab record;
  slab_found boolean;
  lease record;
  past record;
  history record;
  lost record;
  moved record;
  superseded_by text;
  next_attempt timestamptz;
  failures integer;
  setbacks integer;
  finished boolean;
  only_bad_left boolean;
  concerned jsonb := '[]';
  concerned_count integer := 0;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'commit_repair needs read committed' using errcode = 'invalid_transaction_state';
  end if;

  -- 0. indexd cannot alter these from here on; null: what is in them may mean something that we do not know.
  profile := slabmend.hold_indexd(array['slabs', 'sectors', 'hosts', 'stats_deltas'], may_be_refused => true);

  -- 1. The slab.
  select s.digest, s.next_repair_attempt, s.consecutive_failed_repairs into slab
  from public.slabs s where s.id = the_slab
  for no key update;
  slab_found := found;

  -- 2. The lease.
  select l.token, l.held_until, l.leased_at, l.began_at, l.worker into lease
  from slabmend.leases l where l.slab_id = the_slab
  for update;

  if not found or lease.token <> the_token then
    select j.outcome, j.error into past from slabmend.journal j where j.token = the_token;
    if not found then
      return jsonb_build_object('kind', 'superseded', 'why', 'lease-gone');
    elsif past.outcome = 'crashed' then
      return jsonb_build_object('kind', 'superseded', 'why', 'reaped');
    elsif past.outcome = 'superseded' then
      return jsonb_build_object('kind', 'superseded', 'why', past.error);
    end if;
    return jsonb_build_object('kind', 'already-committed', 'outcome', past.outcome);
  elsif lease.began_at is null then
    return jsonb_build_object('kind', 'superseded', 'why', 'never-begun');
  elsif not slab_found or slab.digest <> the_digest then
    superseded_by := 'slab-gone';
  elsif slab.next_repair_attempt <> lease.held_until then
    -- indexd took the slab while we held it: from here on it is indexd's.
    superseded_by := 'indexd-claimed';
  elsif reported = 'stale' then
    superseded_by := 'reported-stale';
  elsif profile is null then
    superseded_by := 'indexd-changed';
  end if;

  if superseded_by is null and (jsonb_array_length(request->'moves') > 0 or jsonb_array_length(request->'lost') > 0) then
    -- 3. All sectors of the slab, also those that stay: none of them may come to a host that we give to another.
    perform s.id
    from public.slab_sectors ss
    join public.sectors s on s.id = ss.sector_id
    where ss.slab_id = the_slab
    order by s.sector_root
    for no key update of s;

    -- 4. The hosts: new ones, old ones whose unpinned sectors become fewer, and those that said "lost".
    perform h.id
    from public.hosts h
    where h.id in (
      select (m->>'newHostId')::integer from jsonb_array_elements(request->'moves') m
      union all
      select (r->>'hostId')::integer from jsonb_array_elements(request->'lost') r
      union all
      select s.host_id
      from jsonb_array_elements(request->'moves') m
      join public.sectors s on s.id = (m->>'sectorId')::bigint
      where s.contract_sectors_map_id is null
    )
    order by h.id
    for no key update;
  end if;

  if superseded_by is not null then
    -- Tables of ours only: what the repair cost was spent all the same.
    delete from slabmend.leases l where l.slab_id = the_slab;
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, error, bytes_read,
      bytes_written, hastings, phases_ms, worker, leased_at, began_at, finished_at)
    values (the_token, the_slab, the_digest, 'superseded', reported, superseded_by,
      (request->>'bytesRead')::bigint, (request->>'bytesWritten')::bigint, (request->>'hastings')::numeric,
      request->'phasesMs', lease.worker, lease.leased_at, lease.began_at, clock_timestamp());
    return jsonb_build_object('kind', 'superseded', 'why', superseded_by);
  end if;

  -- 5. Lost sectors, as indexd's MarkSectorsLost: only those that are still on the host that said so, and, when the
  -- caller says what it saw, still pinned or unpinned as it saw them: a host that has since let indexd append the
  -- sector has it.
  with hit as (
    select distinct on (s.id) s.id, s.sector_root, s.host_id, s.contract_sectors_map_id is not null as pinned,
      coalesce(c.proof_height > g.scanned_height, true) as counts
    from jsonb_array_elements(request->'lost') r
    join public.slab_sectors ss on ss.slab_id = the_slab and ss.sector_id = (r->>'sectorId')::bigint
    join public.sectors s on s.id = ss.sector_id
      and s.sector_root = decode(r->>'root', 'hex')
      and s.host_id = (r->>'hostId')::integer
      and (not r ? 'plannedMapId' or s.contract_sectors_map_id is not distinct from (r->>'plannedMapId')::integer)
    left join public.contract_sectors_map m on m.id = s.contract_sectors_map_id
    left join public.contracts c on c.contract_id = m.contract_id
    cross join public.global_settings g
  ), detached as (
    update public.sectors s set host_id = null, contract_sectors_map_id = null from hit where s.id = hit.id
  ), blamed as (
    update public.hosts h
    set lost_sectors = h.lost_sectors + b.lost, unpinned_sectors = h.unpinned_sectors - b.unpinned
    from (
      select hit.host_id, count(*) filter (where hit.counts) as lost, count(*) filter (where not hit.pinned) as unpinned
      from hit group by hit.host_id
    ) b
    where h.id = b.host_id
  )
  select count(*)::integer as total,
    count(*) filter (where hit.pinned) as pinned,
    count(*) filter (where not hit.pinned) as unpinned,
    count(*) filter (where hit.counts) as counted,
    coalesce(jsonb_agg(jsonb_build_object('root', encode(hit.sector_root, 'hex'), 'host', hit.host_id)), '[]') as entries
  into lost
  from hit;

  -- 6. Moves, each judged by rules 3 to 5 in this one new statement, after all locks and after the losses above.
  with move as (
    select m.* from jsonb_to_recordset(request->'moves') as m ("index" integer, root text, "sectorId" bigint,
      "plannedHostId" integer, "plannedMapId" integer, "plannedContractId" text, "newHostId" integer, how text)
  ), judged as materialized (
    select m."index" as slab_index, m.root, m."newHostId" as new_host_id, m.how,
      s.id as sector_id, s.host_id as old_host_id, s.contract_sectors_map_id is not null as was_pinned,
      need.reason is not null as must_move,
      case
        -- The slab's row of this root, or none.
        when s.id is null then 'sector-gone'
        -- Rule 3: lost now, or exactly where the plan saw it ...
        when s.host_id is not null and (
          s.host_id is distinct from m."plannedHostId"
          or s.contract_sectors_map_id is distinct from m."plannedMapId") then 'sector-moved'
        when s.host_id is not null
          and map.contract_id is distinct from decode(m."plannedContractId", 'hex') then 'contract-renewed'
        -- ... and still to be moved.
        when need.reason is null then 'healthy-again'
        -- Rule 5: as far as the database knows; the acknowledged root is the worker's part.
        when h.host_id is null then 'host-gone'
        when h.blocked then 'host-blocked'
        when not h.has_healthy_contract then 'host-without-good-contract'
        -- Rule 4: in this slab and in every other slab that has this sector. Counted, because the planner may turn an
        -- `exists` into a hash of the whole of slab_sectors.
        when s.host_id = m."newHostId" or (
          select count(*) from public.slab_sectors mine
          join public.slab_sectors other on other.slab_id = mine.slab_id and other.sector_id <> mine.sector_id
          join public.sectors o on o.id = other.sector_id
          where mine.sector_id = s.id and o.host_id = m."newHostId") > 0 then 'host-taken'
      end as why
    from move m
    left join public.slab_sectors ss
      on ss.slab_id = the_slab and ss.slab_index = m."index" and ss.sector_id = m."sectorId"
    left join public.sectors s on s.id = ss.sector_id and s.sector_root = decode(m.root, 'hex')
    left join public.contract_sectors_map map on map.id = s.contract_sectors_map_id
    left join slabmend.sectors_to_move(array[the_slab]) need on need.sector_id = s.id
    left join slabmend.host_states() h on h.host_id = m."newHostId"
  ), ranked as (
    -- Rule 4 among the moves of this commit: a host once, and a sector once.
    select j.*,
      row_number() over (partition by j.why is null, j.new_host_id order by j.slab_index) as place_on_host,
      row_number() over (partition by j.why is null, j.sector_id order by j.slab_index, j.new_host_id) as place_of_sector
    from judged j
  ), decided as (
    select r.*, coalesce(r.why, case when r.place_on_host > 1 or r.place_of_sector > 1 then 'host-taken' end) as verdict
    from ranked r
  ), relocated as (
    -- As indexd's MigrateSector; the time is the database's, after the waits.
    update public.sectors s
    set host_id = d.new_host_id, contract_sectors_map_id = null, consecutive_failed_checks = 0,
      num_migrated = s.num_migrated + 1, uploaded_at = clock_timestamp()
    from decided d where d.verdict is null and s.id = d.sector_id
  ), counted as (
    update public.hosts h set unpinned_sectors = h.unpinned_sectors + c.delta
    from (
      select b.host_id, sum(b.delta)::integer as delta
      from (
        select d.new_host_id as host_id, 1 as delta from decided d where d.verdict is null
        union all
        select d.old_host_id, -1 from decided d
        where d.verdict is null and d.old_host_id is not null and not d.was_pinned
      ) b
      group by b.host_id
    ) c
    where h.id = c.host_id and c.delta <> 0
  )
  select
    count(*) filter (where d.verdict is null) as total,
    count(*) filter (where d.verdict is null and d.was_pinned) as were_pinned,
    count(*) filter (where d.verdict is null and d.old_host_id is null) as were_lost,
    count(*) filter (where d.verdict is not null and d.must_move) as still_needed,
    coalesce(jsonb_agg(d.slab_index order by d.slab_index) filter (where d.verdict is null), '[]') as recorded,
    coalesce(jsonb_agg(jsonb_build_object('index', d.slab_index, 'why', d.verdict) order by d.slab_index)
      filter (where d.verdict is not null), '[]') as dropped,
    coalesce(jsonb_agg(jsonb_build_object('index', d.slab_index, 'root', d.root, 'from', d.old_host_id,
      'to', d.new_host_id, 'how', d.how) order by d.slab_index) filter (where d.verdict is null), '[]') as entries
  into moved
  from decided d;

  -- 7. Statistics: one row a stat, none for zero; they add up as indexd's own rows for each sector do.
  insert into public.stats_deltas (stat_name, stat_delta)
  select d.name, d.delta
  from (values
    ('num_migrated_sectors', moved.total),
    ('num_unpinned_sectors', moved.were_pinned + moved.were_lost - lost.unpinned),
    ('num_unpinnable_sectors', lost.pinned + lost.unpinned - moved.were_lost),
    ('num_pinned_sectors', - moved.were_pinned - lost.pinned),
    ('num_sectors_lost', lost.counted)
  ) as d (name, delta)
  where d.delta <> 0;

  -- 8. The slab: lib/database/leases/outcome-writes.ts says what each outcome writes. A move that was dropped though its sector
  -- still has to move makes a repair that thought itself complete a partial one; so does a source that was found lost.
  finished := not exists (select from slabmend.sectors_to_move(array[the_slab]));
  select r.last_outcome, r.setbacks, r.bad_shards into history from slabmend.repairs r where r.slab_id = the_slab;
  -- What is left are shards that no repair yields: the slab rests, or it would be leased again and again.
  only_bad_left := not finished and not exists (
    select from slabmend.sectors_to_move(array[the_slab]) need
    join public.slab_sectors ss on ss.slab_id = the_slab and ss.sector_id = need.sector_id
    where ss.slab_index not in (
      select (bad->>'index')::integer
      from jsonb_array_elements(coalesce(history.bad_shards, '[]') || (request->'badShards')) as bad
    ));
  writes := request->'writes'->(case
    when only_bad_left then 'ifOnlyBadShardsLeft'
    when moved.still_needed = 0 and (lost.total = 0 or finished) then 'asReported'
    when moved.total > 0 then 'ifSomeDropped'
    else 'ifNothingRecorded'
  end);
  setbacks := case
    when writes->>'setbacks' = 'zero' then 0
    when history.last_outcome = writes->>'recordAs' then least(history.setbacks + 1, 1000)
    else 1
  end;
  failures := case writes->>'failedCounter'
    when 'zero' then 0
    when 'keep' then slab.consecutive_failed_repairs
    -- At most 20: indexd shifts by it, and 22 overflows.
    when 'increment' then least(slab.consecutive_failed_repairs + 1, 20)
  end;
  next_attempt := case writes->'next'->>'kind'
    when 'keep' then lease.held_until
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
  if reported in ('repaired', 'partial-deadline', 'partial-refused') then
    perform slabmend.close_recovery_window(the_slab, profile);
  end if;

  -- 9. Ours: history, journal, outbox, lease.
  if jsonb_array_length(request->'badShards') > 0 or (writes->>'atRisk')::boolean then
    select count(*), coalesce(jsonb_agg(encode(k.object_key, 'hex') order by k.object_key) filter (where k.place <= 100), '[]')
    into concerned_count, concerned
    from (
      select o.object_key, row_number() over (order by o.object_key) as place
      from public.object_slabs os join public.objects o on o.id = os.object_id
      where os.slab_digest = the_digest
      group by o.object_key
    ) k;
  end if;
  insert into slabmend.repairs as r (slab_id, digest, last_outcome, last_error, finished_at, setbacks,
    next_repair_attempt, bad_shards, objects, object_count)
  values (the_slab, the_digest, writes->>'recordAs', request->'outcome'->>'error', clock_timestamp(), setbacks,
    next_attempt, request->'badShards', concerned, concerned_count)
  on conflict (slab_id) do update set
    digest = excluded.digest, last_outcome = excluded.last_outcome, last_error = excluded.last_error, finished_at = excluded.finished_at, crashes = 0, setbacks = excluded.setbacks,
    next_repair_attempt = excluded.next_repair_attempt,
    -- A shard that was pinned wrongly stays so: what an earlier repair found is kept.
    bad_shards = (
      select coalesce(jsonb_agg(b.shard order by (b.shard->>'index')::integer), '[]')
      from (
        select jsonb_array_elements(r.bad_shards) as shard
        union
        select jsonb_array_elements(excluded.bad_shards)
      ) b
    ),
    objects = case when excluded.object_count > 0 then excluded.objects else r.objects end,
    object_count = case when excluded.object_count > 0 then excluded.object_count else r.object_count end,
    quarantined_until = null, quarantine_reason = null;

  insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, error, moves, lost, dropped,
    bytes_read, bytes_written, hastings, phases_ms, worker, leased_at, began_at, finished_at)
  values (the_token, the_slab, the_digest, writes->>'recordAs', reported, request->'outcome'->>'error', moved.entries,
    lost.entries, moved.dropped, (request->>'bytesRead')::bigint, (request->>'bytesWritten')::bigint, (request->>'hastings')::numeric,
    request->'phasesMs', lease.worker, lease.leased_at, lease.began_at, clock_timestamp());

  if moved.total > 0 then
    insert into slabmend.moved (slab_id, digest, moved_at) values (the_slab, the_digest, clock_timestamp());
  end if;
  delete from slabmend.leases l where l.slab_id = the_slab;

  return jsonb_build_object('kind', 'committed', 'outcome', writes->>'recordAs', 'recorded', moved.recorded,
    'dropped', moved.dropped, 'lostRecorded', lost.total, 'slabFinished', finished);
end
$function$;
