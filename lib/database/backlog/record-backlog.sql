-- Writes the result of one step of the walk in one transaction: entries, removals, marks, and the walk's position.
-- Writes only our own tables. lib/database/backlog/record-backlog.ts encodes the request. Answer: whether the walk
-- advanced.
--
-- A slab may have changed since the snapshot in which it was judged. So the judgement is written only if the slab's
-- entry is still the version in that snapshot ("versions": xmin by slab id, null for no entry). Otherwise the entry has
-- changed: it was leased, judged again, or freed by the end of a lease, and that change has also set when to judge the
-- slab next.
--
-- Locks: an advisory lock admits one writer of the backlog at a time, so that two writers never insert entries in
-- different orders; then entries by ascending slab id, marks likewise, the row of the walk last.
create or replace function slabmend.record_backlog(request jsonb) returns boolean
language plpgsql volatile
-- No sequential scans: a plan made while a table is empty would keep scanning the whole table after the table has
-- grown.
set enable_seqscan = off
as $function$
declare
  the_cause constant text := request->>'cause';
  the_pass constant bigint := (request->>'pass')::bigint;
  versions constant jsonb not null := coalesce(request->'versions', '{}');
  moment constant timestamptz := clock_timestamp();
begin
  perform pg_advisory_xact_lock(hashtextextended('slabmend.record_backlog', 0));
  perform from slabmend.backlog b
  where b.slab_id = any (array(select v::bigint from jsonb_object_keys(versions) v))
  order by b.slab_id for update;

  insert into slabmend.backlog as b (slab_id, urgency, loss, margin, causes, since, waiting_since, ready, look_at)
  select e."slabId", e.urgency, e.loss, e.margin, e.causes, e."sinceMs",
    to_timestamp(e."waitingSinceMs" / 1000), e.ready, to_timestamp(e."lookAtMs" / 1000)
  from jsonb_to_recordset(request->'entries') as e ("slabId" bigint, urgency double precision, loss double precision,
    margin smallint, causes jsonb, "sinceMs" jsonb, "waitingSinceMs" double precision, ready boolean, "lookAtMs" double precision)
  left join lateral (select k.xmin from slabmend.backlog k where k.slab_id = e."slabId" offset 0) known on true
  where known.xmin::text is not distinct from versions->>e."slabId"::text
  order by e."slabId"
  on conflict (slab_id) do update set
    urgency = excluded.urgency, loss = excluded.loss, margin = excluded.margin, causes = excluded.causes, since = excluded.since,
    waiting_since = excluded.waiting_since, ready = excluded.ready, look_at = excluded.look_at
  where (b.urgency, b.loss, b.margin, b.causes, b.since, b.waiting_since, b.ready, b.look_at) is distinct from
    (excluded.urgency, excluded.loss, excluded.margin, excluded.causes, excluded.since, excluded.waiting_since, excluded.ready,
      excluded.look_at);

  delete from slabmend.backlog b
  where b.slab_id = any (array(select r::bigint from jsonb_array_elements_text(request->'removed') r))
    and b.xmin::text = versions->>b.slab_id::text;

  if jsonb_typeof(request->'postponed') = 'object' then
    update slabmend.backlog b
    set look_at = moment + make_interval(secs => (request->'postponed'->>'delayMs')::double precision / 1000)
    where not b.ready
      and b.slab_id = any (array(select p::bigint from jsonb_array_elements_text(request->'postponed'->'slabIds') p));
  end if;

  insert into slabmend.marks as m (cause, slab_id, pass)
  select the_cause, s::bigint, the_pass from jsonb_array_elements_text(request->'marked') s order by s::bigint
  on conflict (cause, slab_id) do update set pass = excluded.pass where m.pass < excluded.pass;

  -- With arrays the statement reads only the marks of the swept slabs; with joins it might read all marks of the cause.
  delete from slabmend.marks m
  where m.cause = the_cause and m.pass < the_pass
    and m.slab_id = any (array(
      select k.slab_id from slabmend.marks k
      where k.cause = the_cause and k.slab_id = any (array(select s::bigint from jsonb_array_elements_text(request->'swept') s))
      order by k.slab_id for update));

  -- The walk advances only from the position that the caller expects: a slower walker must not move it back.
  update slabmend.walks w set
    pass = case when a.finish then w.pass + 1 else w.pass end,
    phase = case when a.finish then 'mark' else a."toPhase" end,
    position = case when a.finish then 0 else a."toPosition" end,
    slab_position = case when a.finish then 0 else a."toSlabPosition" end,
    pass_started_at = case when w.phase = 'mark' and w.position = 0 and w.slab_position = 0 then moment
      else w.pass_started_at end,
    finished_at = case when a.finish then moment else w.finished_at end,
    pass_ms = case when a.finish then extract(epoch from moment - w.pass_started_at) * 1000 else w.pass_ms end
  from jsonb_to_record(request->'advance') as a (phase text, position bigint, "slabPosition" bigint,
    finish boolean, "toPhase" text, "toPosition" bigint, "toSlabPosition" bigint)
  where w.cause = the_cause and w.pass = the_pass
    and (w.phase, w.position, w.slab_position) = (a.phase, a.position, a."slabPosition");
  return found;
end
$function$;
