-- Writes entries of the backlog, what was removed, which slabs a walk has seen, and how far it has come; one transaction.
-- Touches our tables only. lib/database/backlog/record-backlog.ts encodes the request. Answer: whether the walk advanced.
--
-- What was judged is as old as its snapshot. If a lease ended meanwhile, its trigger has said that the slab is to be looked at now
-- (docs/decisions/0203): a look_at that is not the one of the snapshot (request "seenLookAts", by slab id) and has come stays, or the
-- slab would be left alone for as long as the lease might have lasted.
--
-- Slabs that are ready get a row of ready_slabs, all others lose theirs: a claim that holds one is waited for, the few milliseconds
-- that it takes.
--
-- Locks: ready_slabs by ascending slab id, then backlog likewise, entries and removed ones in one statement; sightings by ascending
-- slab id; the row of the walk last.
create or replace function slabmend.record_backlog(request jsonb) returns boolean
language plpgsql volatile
-- A plan made while a table is empty would read all of it for as long as the connection lasts.
set enable_seqscan = off
as $function$
declare
  moment constant timestamptz := clock_timestamp();
  seen constant jsonb := request->'seenLookAts';
  removed constant bigint[] not null := array(select r::bigint from jsonb_array_elements_text(request->'removed') r);
  not_ready constant bigint[] not null := removed
    || array(select (e->>'slabId')::bigint from jsonb_array_elements(request->'entries') e where not (e->>'ready')::boolean);
  -- Deleted are those that were there before the first statement, which it locks in their turn. One that comes between is harmless: leasing
  -- looks again.
  offered constant bigint[] not null := array(select r.slab_id from slabmend.ready_slabs r where r.slab_id = any (not_ready));
  advanced boolean := false;
begin
  insert into slabmend.ready_slabs as r (slab_id, urgency, waiting_since, margin, first_bad_sector)
  select * from (
    select e."slabId", e.urgency, to_timestamp(e."waitingSinceMs" / 1000), e.margin, coalesce((e."badSectors"->>0)::bigint, 0)
    from jsonb_to_recordset(request->'entries') as e ("slabId" bigint, urgency double precision, margin smallint,
      "badSectors" jsonb, "waitingSinceMs" double precision, ready boolean)
    where e.ready
    union all
    -- Only to be locked in their turn.
    select k.slab_id, k.urgency, k.waiting_since, k.margin, k.first_bad_sector
    from slabmend.ready_slabs k where k.slab_id = any (offered)
  ) e
  order by e."slabId"
  on conflict (slab_id) do update set
    urgency = excluded.urgency, waiting_since = excluded.waiting_since, margin = excluded.margin,
    first_bad_sector = excluded.first_bad_sector
  where (r.urgency, r.waiting_since, r.margin, r.first_bad_sector)
    is distinct from (excluded.urgency, excluded.waiting_since, excluded.margin, excluded.first_bad_sector);
  delete from slabmend.ready_slabs r where r.slab_id = any (offered);

  insert into slabmend.backlog as b (slab_id, urgency, loss, margin, causes, since, bad_sectors, first_seen, last_seen,
    waiting_since, ready, look_at)
  select * from (
    select e."slabId", e.urgency, e.loss, e.margin, e.causes, e."sinceMs",
      array(select jsonb_array_elements_text(e."badSectors")::bigint),
      to_timestamp(e."firstSeenMs" / 1000), moment, to_timestamp(e."waitingSinceMs" / 1000), e.ready,
      to_timestamp(e."lookAtMs" / 1000)
    from jsonb_to_recordset(request->'entries') as e ("slabId" bigint, urgency double precision, loss double precision,
      margin smallint, causes jsonb, "sinceMs" jsonb, "badSectors" jsonb, "firstSeenMs" double precision,
      "waitingSinceMs" double precision, ready boolean, "lookAtMs" double precision)
    union all
    -- Only to be locked in their turn.
    select k.slab_id, k.urgency, k.loss, k.margin, k.causes, k.since, k.bad_sectors, k.first_seen, k.last_seen, k.waiting_since,
      k.ready, k.look_at
    from slabmend.backlog k where k.slab_id = any (removed)
  ) e
  order by e."slabId"
  on conflict (slab_id) do update set
    urgency = excluded.urgency, loss = excluded.loss, margin = excluded.margin, causes = excluded.causes,
    since = excluded.since, bad_sectors = excluded.bad_sectors,
    -- A clock that was ahead and jumped back.
    first_seen = least(b.first_seen, excluded.first_seen), last_seen = excluded.last_seen,
    waiting_since = excluded.waiting_since, ready = excluded.ready,
    look_at = case
      when seen ? b.slab_id::text and b.look_at is distinct from (seen->>b.slab_id::text)::timestamptz
        and b.look_at <= clock_timestamp() then b.look_at
      else excluded.look_at end
  where b.slab_id <> all (removed);
  delete from slabmend.backlog b where b.slab_id = any (removed);

  if jsonb_typeof(request->'postponed') = 'object' then
    update slabmend.backlog b
    set look_at = moment + make_interval(secs => (request->'postponed'->>'delayMs')::double precision / 1000)
    where not b.ready and b.slab_id = any (array(select p::bigint from jsonb_array_elements_text(request->'postponed'->'slabIds') p));
  end if;

  if jsonb_typeof(request->'sighted') = 'object' then
    insert into slabmend.sightings as g (cause, slab_id, generation)
    select request->'sighted'->>'cause', s::bigint, (request->'sighted'->>'generation')::bigint
    from jsonb_array_elements_text(request->'sighted'->'slabIds') s
    order by s::bigint
    on conflict (cause, slab_id) do update set generation = excluded.generation
    where g.generation < excluded.generation;
  end if;

  if jsonb_typeof(request->'unsighted') = 'object' then
    delete from slabmend.sightings g
    where g.cause = request->'unsighted'->>'cause' and g.generation < (request->'unsighted'->>'generation')::bigint
      and g.slab_id in (
        select k.slab_id from slabmend.sightings k
        where k.cause = request->'unsighted'->>'cause'
          and k.slab_id in (select s::bigint from jsonb_array_elements_text(request->'unsighted'->'slabIds') s)
        order by k.slab_id for update);
  end if;

  if jsonb_typeof(request->'advance') = 'object' then
    -- Only from where it stood: a slower walker must not take it back.
    update slabmend.walks w set
      generation = case when a.finish then w.generation + 1 else w.generation end,
      phase = case when a.finish then 'sectors' else a."toPhase" end,
      position = case when a.finish then 0 else a."toPosition" end,
      slab_position = case when a.finish then 0 else coalesce(a."toSlabPosition", 0) end,
      pass_started_at = case when w.phase = 'sectors' and w.position = 0 and w.slab_position = 0 then moment
        else w.pass_started_at end,
      finished_at = case when a.finish then moment else w.finished_at end,
      pass_ms = case when a.finish then extract(epoch from moment - w.pass_started_at) * 1000 else w.pass_ms end
    from jsonb_to_record(request->'advance') as a (cause text, generation bigint, phase text, position bigint,
      "slabPosition" bigint, finish boolean, "toPhase" text, "toPosition" bigint, "toSlabPosition" bigint)
    where w.cause = a.cause and w.generation = a.generation and w.phase = a.phase and w.position = a.position
      -- Who does not say has read all slabs of the sector.
      and w.slab_position = coalesce(a."slabPosition", w.slab_position);
    advanced := found;
  end if;
  return advanced;
end
$function$;
