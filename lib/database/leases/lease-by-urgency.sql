-- Leases a batch of slabs that are ready, one transaction and one round trip: the most urgent first, then those that wait
-- for longest.
--
--   request  {"maxLeases", "maxInFlight" | null, "holdMs", "graceMs", "dangerAbove", "mostOrdinary" | null,
--             "patienceMs", "patientShare", "chance", "beyondRescueChance", "throughQueue"}
--            throughQueue: whose leases are made and counted, the queue's or those of machines that lease for themselves;
--            the release before does not say it: true
--            mostOrdinary: leases at most of slabs whose urgency is not above dangerAbove; null: no limit
--            patientShare: of the batch, for slabs that have waited longer than patienceMs, whatever their urgency; rounded up or
--            down by chance, 0 <= chance < 1, so that it holds on average also where only one place is free at a time. Half of it at
--            most, rounded by beyondRescueChance, for slabs beyond rescue: thousands that fail each time keep nobody waiting.
--   answer   {"leases": {"slabIds", "digests", "tokens", "margins", "urgencies"}, "live", "examined", "postponed", "healed",
--             "changed", "dry"}
--            leases: as columns of the same length, in the order in which they were taken
--            live: leases of that kind that exist now, as counted (null without maxInFlight)
--            changed: how many slabs' first bad sector is well again, but not all: to be judged anew before they are leased
--            dry: nothing that may be leased was left behind
--
-- Every slab that is looked at leaves ready_slabs: leased, or because it is healed, deleted, changed or not free; then its entry in the
-- backlog goes, or says when to look again. So a stale row costs one look.
--
-- Health is looked at again by the first of the sectors that the entry counts, by id, lost ones first; by the others only if
-- that one is well: judging the whole slab would be thirty times as many. A slab that has become worse in the meantime, or a
-- little better, is leased all the same.
--
-- Locks: ready_slabs, then slabs, then entries of the backlog, all `skip locked`: it waits for nobody, and two callers take different
-- slabs. Leases are inserted between, of which nobody else can insert one for a slab that is locked here. A slab that is not leased and
-- whose entry somebody holds (a record, the end of a lease: milliseconds) stays in ready_slabs, because nobody knows what they will write:
-- a later call looks again.
--
-- Indexes: those of ready_slabs, each from its front; then primary keys. A lease writes a row of leases, one of slabs, and deletes one
-- of ready_slabs; each table once for all slabs, by arrays: docs/decisions/0420.
create or replace function slabmend.lease_by_urgency(request jsonb) returns json
language plpgsql volatile
-- Planned once a connection, for any number of ids, always by index.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- Digests go into JSON as they are printed.
set bytea_output = hex
as $function$
declare
  hold constant interval not null := make_interval(secs => (request->>'holdMs')::double precision / 1000);
  grace constant interval not null := make_interval(secs => (request->>'graceMs')::double precision / 1000);
  patience constant interval not null := make_interval(secs => (request->>'patienceMs')::double precision / 1000);
  most_in_flight constant integer := (request->>'maxInFlight')::integer;
  -- No more than an integer holds; a null stays null, which least() would not.
  most_ordinary constant integer := case when request->>'mostOrdinary' is not null
    then least((request->>'mostOrdinary')::numeric, 2147483647) end;
  -- Without a limit on ordinary slabs there are none: every urgency is above this.
  ordinary_up_to constant double precision not null :=
    case when most_ordinary is null then -1 else (request->>'dangerAbove')::double precision end;
  through constant boolean not null := coalesce((request->>'throughQueue')::boolean, true);
  room integer not null := (request->>'maxLeases')::integer;
  most_patient integer not null := 0;
  most_beyond_rescue integer not null := 0;
  live integer;
  moment timestamptz := clock_timestamp();
  dry boolean;
  nothing constant jsonb not null := '{"leases": {"slabIds": [], "digests": [], "tokens": [], "margins": [], "urgencies": []},
    "examined": 0, "postponed": 0, "healed": 0, "changed": 0}';
  -- Of the slabs taken, in their order.
  chosen bigint[];
  places tid[];
  urgencies double precision[];
  margins smallint[];
  first_bad bigint[];
  -- Of those that are leased, in their order; the place is the one among the slabs taken.
  due bigint[];
  digests bytea[];
  due_places integer[];
  tokens uuid[];
  -- Others.
  locked bigint[];
  doubtful bigint[];
  well bigint[] := '{}';
  changed bigint[] := '{}';
  postponed bigint[];
  free_from timestamptz[];
  gone bigint[] := '{}';
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'lease_by_urgency needs read committed' using errcode = 'invalid_transaction_state';
  end if;

  if most_in_flight is not null then
    select count(*) into live from slabmend.leases l where l.through_queue = through;
    room := least(room, most_in_flight - live);
  end if;
  if room <= 0 then
    return nothing || jsonb_build_object('live', live, 'dry', false);
  end if;

  -- 1. Those whose patience is at its end; then the most urgent; then ordinary ones as far as the budget goes.
  most_patient := least(
    floor(room * (request->>'patientShare')::double precision + coalesce((request->>'chance')::double precision, random())),
    room, most_ordinary);
  most_beyond_rescue := floor(most_patient / 2.0 + coalesce((request->>'beyondRescueChance')::double precision, random()));
  with beyond_rescue as materialized (
    select r.ctid, r.slab_id, r.urgency, r.margin, r.first_bad_sector
    from slabmend.ready_slabs r
    where r.urgency = 0 and r.waiting_since < moment - patience
    order by r.waiting_since, r.slab_id
    limit most_beyond_rescue
    for update skip locked
  ), saveable as materialized (
    select r.ctid, r.slab_id, r.urgency, r.margin, r.first_bad_sector
    from slabmend.ready_slabs r
    where r.urgency > 0 and r.waiting_since < moment - patience
    order by r.waiting_since, r.slab_id
    limit most_patient - (select count(*) from beyond_rescue)
    for update skip locked
  ), patient as materialized (
    select b.* from beyond_rescue b union all select s.* from saveable s
  ), urgent as materialized (
    select r.ctid, r.slab_id, r.urgency, r.margin, r.first_bad_sector
    from slabmend.ready_slabs r
    where r.urgency > ordinary_up_to and r.slab_id not in (select p.slab_id from patient p)
    order by r.urgency desc, r.waiting_since, r.slab_id
    limit room - (select count(*) from patient)
    for update of r skip locked
  ), remaining as (
    -- least() leaves null, no limit, out of account.
    select room - p.count - u.count as places, least(room - p.count - u.count, most_ordinary - p.count) as ordinary
    from (select count(*) from patient) p cross join (select count(*) from urgent) u
  ), ordinary as materialized (
    select r.ctid, r.slab_id, r.urgency, r.margin, r.first_bad_sector
    from slabmend.ready_slabs r
    where r.urgency <= ordinary_up_to and r.slab_id not in (select p.slab_id from patient p)
    order by r.urgency desc, r.waiting_since, r.slab_id
    limit (select m.ordinary from remaining m)
    for update of r skip locked
  ), taken as (
    select p.* from patient p union all select u.* from urgent u union all select o.* from ordinary o
  )
  select coalesce(array_agg(t.slab_id), '{}'), array_agg(t.ctid), array_agg(t.urgency), array_agg(t.margin),
    array_agg(t.first_bad_sector),
    (select m.places > 0 and (m.ordinary = 0 or m.ordinary > (select count(*) from ordinary)) from remaining m)
  into chosen, places, urgencies, margins, first_bad, dry
  from taken t;
  if cardinality(chosen) = 0 then
    return nothing || jsonb_build_object('live', live, 'dry', dry);
  end if;

  select coalesce(array_agg(s.id), '{}') into locked
  from (select s.id from public.slabs s where s.id = any (chosen) for no key update skip locked) s;

  -- 2. New statements, now that all is locked: whatever came between is seen. First, whose first sector is not lost.
  moment := clock_timestamp();
  select coalesce(array_agg(c.slab_id), '{}') into doubtful
  from unnest(chosen, first_bad) c (slab_id, sector_id)
  -- Laterals, here and below, so that no plan reads all sectors.
  left join lateral (
    select true as is_lost from public.sectors x where x.id = c.sector_id and x.host_id is null offset 0
  ) s on true
  where s.is_lost is null;
  if cardinality(doubtful) > 0 then
    select
      coalesce(array_agg(j.slab_id) filter (where j.bad = 0), '{}'),
      coalesce(array_agg(j.slab_id) filter (where j.bad > 0 and not j.first_is_bad), '{}')
    into well, changed
    from (
      select d.id as slab_id, count(x.cause) as bad,
        coalesce(bool_or(x.cause is not null) filter (where x.sector_id = b.bad_sectors[1]), false) as first_is_bad
      from unnest(doubtful) d (id)
      -- Without an entry, which somebody found healed, it has nothing bad.
      left join lateral (select k.bad_sectors from slabmend.backlog k where k.slab_id = d.id offset 0) b on true
      left join lateral (select * from slabmend.sector_causes(b.bad_sectors) offset 0) x on true
      group by d.id
    ) j;
  end if;

  select
    coalesce(array_agg(j.slab_id) filter (where j.verdict = 'due'), '{}'),
    coalesce(array_agg(j.digest) filter (where j.verdict = 'due'), '{}'),
    coalesce(array_agg(j.place) filter (where j.verdict = 'due'), '{}'),
    coalesce(array_agg(gen_random_uuid()) filter (where j.verdict = 'due'), '{}'),
    coalesce(array_agg(j.slab_id) filter (where j.verdict = 'changed'), '{}'),
    coalesce(array_agg(j.slab_id) filter (where j.verdict = 'postponed'), '{}'),
    coalesce(array_agg(j.free_at) filter (where j.verdict = 'postponed'), '{}')
  into due, digests, due_places, tokens, changed, postponed, free_from
  from (
    select t.slab_id, t.digest, t.free_at, array_position(chosen, t.slab_id) as place,
      case
        when t.dying or t.slab_id = any (well) then 'gone'
        when t.slab_id = any (changed) then 'changed'
        when t.leased or t.free_at >= moment or t.slab_id <> all (locked) then 'postponed'
        else 'due'
      end as verdict
    from slabmend.claim_times(chosen, grace) t
    order by place
  ) j;

  -- 3. Lease, and take all of them out.
  insert into slabmend.leases (slab_id, digest, token, leased_at, held_until, sending_since, expires_at, margin, through_queue)
  select d.slab_id, d.digest, d.token, moment, moment + hold, moment, moment + hold, margins[d.place], through
  from unnest(due, digests, due_places, tokens) d (slab_id, digest, place, token);
  update public.slabs s set next_repair_attempt = moment + hold where s.id = any (due);
  if cardinality(due) = cardinality(chosen) then
    delete from slabmend.ready_slabs r where r.ctid = any (places);
  else
    gone := array(select c.slab_id from unnest(chosen) c (slab_id) where c.slab_id <> all (due || changed || postponed));
    delete from slabmend.backlog b where b.slab_id = any (array(
      select k.slab_id from slabmend.backlog k where k.slab_id = any (gone) for update skip locked));
    update slabmend.backlog b
    set ready = false,
      look_at = case
        when b.slab_id = any (changed) then moment
        -- A slab that somebody holds locked right now is free in a moment.
        else greatest(free_from[array_position(postponed, b.slab_id)], moment + interval '1 second')
      end
    where b.slab_id = any (array(
      -- One that is not ready says already when to look: at once, if a lease has just ended.
      select k.slab_id from slabmend.backlog k
      where k.slab_id = any (changed || postponed) and k.ready
      for no key update skip locked));
    delete from slabmend.ready_slabs r
    where r.ctid = any (places)
      and (r.slab_id = any (due) or not exists (select from slabmend.backlog b where b.slab_id = r.slab_id and b.ready));
  end if;

  return json_build_object(
    'leases', json_build_object('slabIds', due::text[], 'digests', digests, 'tokens', tokens,
      'margins', array(select margins[p] from unnest(due_places) p), 'urgencies', array(select urgencies[p] from unnest(due_places) p)),
    'live', live + cardinality(due), 'examined', cardinality(chosen), 'postponed', cardinality(postponed),
    'healed', cardinality(gone), 'changed', cardinality(changed), 'dry', dry);
end
$function$;
