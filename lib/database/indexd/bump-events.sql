-- Tells the objects of repaired slabs that their sectors moved, in a short transaction of its own: SDKs learn new
-- locations only through object_events.updated_at. Returns how many rows of the outbox `moved` it took:
-- of all slabs, or of one.
--
-- Locks: outbox rows `for update skip locked`, so that two callers share the work; then the events by ascending key, so
-- that flushes of slabs of the same objects cannot deadlock. Deduplicated: an object of a thousand moved slabs is one
-- update. Indexes: object_slabs_slab_digest_idx, objects' primary key, object_events_object_key_idx.
--
-- indexd hides events of the second that is in progress, so that a client's cursor never stands in a second that may
-- still receive events. An event stamped in the last moments of a second would become visible after that second was
-- over and read past. Hence the time is taken after the last wait, rounded instead of truncated, and ahead by what the
-- update is expected to take: an event of a second to come is hidden until then. If the update took longer than that, it
-- is done again with a time as far ahead as it takes, so that COMMIT has at least half a second after it; but not when so
-- much of the statement's time is over that a second update might not come to its end. A late time is better than none
-- (docs/decisions/0155).
create or replace function slabmend.bump_events(most integer, only_slab bigint) returns integer
language plpgsql volatile
as $function$
declare
  outbox_ids bigint[];
  digests bytea[];
  keys bytea[];
  moment timestamptz;
  started timestamptz;
  needed interval;
  -- Measured with everything in memory: 10 to 15 microseconds. Pages that have to be read from a disk are allowed for.
  each_takes constant interval not null := '100 microseconds';
  -- Null: it has no limit.
  may_repeat_for constant interval := nullif(current_setting('statement_timeout'), '0')::interval / 3;
begin
  select array_agg(m.id), array_agg(distinct m.digest) into outbox_ids, digests
  from (
    select m.id, m.digest from slabmend.moved m
    where only_slab is null or m.slab_id = only_slab
    order by m.id limit most for update skip locked
  ) m;
  if outbox_ids is null then
    return 0;
  end if;

  select array_agg(distinct o.object_key) into keys
  from public.object_slabs os
  join public.objects o on o.id = os.object_id
  where os.slab_digest = any (digests);

  perform e.object_key
  from public.object_events e
  where e.object_key = any (keys)
  order by e.object_key, e.account_id
  for no key update;

  needed := coalesce(cardinality(keys), 0) * each_takes;
  loop
    started := clock_timestamp();
    moment := date_trunc('second', started + needed + interval '500 milliseconds');
    update public.object_events e set updated_at = moment where e.object_key = any (keys);
    exit when clock_timestamp() < moment + interval '500 milliseconds';
    exit when clock_timestamp() - statement_timestamp() > may_repeat_for;
    needed := 2 * (clock_timestamp() - started);
  end loop;
  delete from slabmend.moved m where m.id = any (outbox_ids);
  return cardinality(outbox_ids);
end
$function$;
