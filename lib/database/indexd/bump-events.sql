-- Bumps the events of all objects that contain a slab of the outbox `moved`: SDKs learn the new locations of its
-- sectors only through object_events. Runs in a short transaction of its own. Takes at most `most` rows from the
-- outbox, of all slabs or only of slab `only_slab`, and returns how many rows it took.
--
-- The method depends on the version of indexd's database:
--
--   from 24 on   only sets the event's time to null: only indexd may assign positions in the stream, and it does so
--                within two seconds. A time written by us could lie before a position that a client has already passed,
--                and the client would miss the event for good. Or a client could pass our time before indexd
--                publishes events with an earlier time, and the client would miss those events.
--   before       the writer stamps the event with a time in whole seconds. indexd hides events of the present second
--                and later ones, so that no client's cursor is in a second that may still receive events. The stamp is
--                two seconds ahead, rounded down, so the transaction has at least two seconds to commit before the
--                event becomes visible. The stamp is no further ahead, because after an upgrade to 24
--                indexd publishes nothing until the time of the greatest stamp has come.
--
-- Locks, in this order: the table object_events, so that indexd cannot be upgraded meanwhile (hold-indexd.sql); outbox
-- rows `for update skip locked`, so that two callers share the work; the events by ascending key, so that flushes of
-- slabs of the same objects cannot deadlock. Each event is updated once, even if its object has a thousand moved slabs.
-- indexd's publisher skips rows that we have locked. Indexes: object_slabs_slab_digest_idx, objects' primary key,
-- object_events_object_key_idx.
create or replace function slabmend.bump_events(most integer, only_slab bigint) returns integer
language plpgsql volatile
as $function$
declare
  profile constant integer := slabmend.hold_indexd(array['object_events']);
  -- Two seconds are enough for this many events: an update takes 10 to 15 microseconds per event, and pages are in
  -- memory once the events are locked. If the slabs of the batch belong to more objects, only the slab of the first row
  -- is flushed.
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

  -- One time for all events, taken after waiting for locks.
  moment := clock_timestamp();
  update public.object_events e
  set updated_at = case when profile < 24 then date_trunc('second', moment + interval '2 seconds') end
  where e.object_key = any (keys);
  delete from slabmend.moved m where m.id = any (outbox_ids);
  return cardinality(outbox_ids);
end
$function$;
