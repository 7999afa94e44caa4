-- Tells the objects of repaired slabs that their sectors moved, in a short transaction of its own: SDKs learn new
-- locations only through object_events. Returns how many rows of the outbox `moved` it took: of all slabs, or of one.
--
-- How depends on the version of indexd's database:
--
--   from 24 on   the event's time is set to null and nothing else. indexd publishes it within two seconds: it alone gives
--                out positions in the stream. A time of ours could lie behind a position that a client has passed, or
--                ahead of what indexd publishes next, and clients would miss events for good.
--   before       the writer stamps the event, in whole seconds. indexd hides the second in progress and those to come, so
--                that a client's cursor never stands in a second that may still receive events. The stamp is two seconds
--                ahead, rounded down: COMMIT has at least two seconds until the event shows. Ahead by no more, because an
--                upgrade to 24 takes the greatest stamp for the position reached, and indexd publishes nothing until then.
--
-- Locks: object_events against an upgrade (hold-indexd.sql); outbox rows `for update skip locked`, so that two callers
-- share the work; then the events by ascending key, so that flushes of slabs of the same objects cannot deadlock.
-- Deduplicated: an object of a thousand moved slabs is one update. indexd's publisher skips rows that we have locked.
-- Indexes: object_slabs_slab_digest_idx, objects' primary key, object_events_object_key_idx.
create or replace function slabmend.bump_events(most integer, only_slab bigint) returns integer
language plpgsql volatile
as $function$
declare
  profile constant integer := slabmend.hold_indexd(array['object_events']);
  -- Two seconds are enough for these: an update takes 10 to 15 microseconds an event, and pages are in memory once the
  -- events are locked. Of more, one slab is told by itself.
  most_keys constant integer not null := 50000;
  outbox_ids bigint[];
  digests bytea[];
  keys bytea[];
  moment timestamptz;
begin
  select array_agg(m.id order by m.id), array_agg(distinct m.digest) into outbox_ids, digests
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
  if cardinality(keys) > most_keys and cardinality(digests) > 1 then
    return slabmend.bump_events(most, (select m.slab_id from slabmend.moved m where m.id = outbox_ids[1]));
  end if;

  perform e.object_key
  from public.object_events e
  where e.object_key = any (keys)
  order by e.object_key, e.account_id
  for no key update;

  -- One time for all, after the waits.
  moment := clock_timestamp();
  update public.object_events e
  set updated_at = case when profile < 24 then date_trunc('second', moment + interval '2 seconds') end
  where e.object_key = any (keys);
  delete from slabmend.moved m where m.id = any (outbox_ids);
  return cardinality(outbox_ids);
end
$function$;
