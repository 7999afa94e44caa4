-- Leases a batch from the backlog, one transaction and one round trip: the most urgent slabs first, then those that wait
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
--   answer   {"leases": [{"slabId", "digest", "token", "margin", "urgency"}], "live", "examined", "postponed", "healed",
--             "changed", "dry"}
--            live: leases of that kind that exist now, as counted (null without maxInFlight)
--            changed: slabs whose first bad sector is well again, but not all: to be judged anew before they are leased
--            dry: nothing that may be leased was left behind
--
-- Every entry that is looked at and not leased leaves the front of the queue: healed and deleted ones go, others say when
-- to look again. So a stale entry costs one look, and no call looks at it twice.
--
-- Health is looked at again by the first of the sectors that the entry counts, by id, lost ones first; by the others only if
-- that one is well: judging the whole slab would be thirty times as many. A slab that has become worse in the meantime, or a
-- little better, is leased all the same.
--
-- Locks: backlog, then slabs, both `for no key update skip locked`: it waits for nobody, and two callers take different
-- slabs. Then leases, of which nobody else can insert one for a slab that is locked here.
--
-- Indexes: backlog_urgency_idx, backlog_patient_idx and backlog_patient_beyond_rescue_idx, each from its front; then primary
-- keys.
create or replace function slabmend.lease_by_urgency(request jsonb) returns jsonb
language plpgsql volatile
-- Planned once a connection, for any number of ids, always by index.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
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
  -- Of the entries taken, in their order.
  chosen bigint[];
  urgencies double precision[];
  margins smallint[];
  first_bad bigint[];
  dry boolean;
  locked bigint[];
  doubtful bigint[];
  well bigint[] := '{}';
  changed bigint[] := '{}';
  moment timestamptz := clock_timestamp();
  result record;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'lease_by_urgency needs read committed' using errcode = 'invalid_transaction_state';
  end if;

  if most_in_flight is not null then
    select count(*) into live from slabmend.leases l where l.through_queue = through;
    room := least(room, most_in_flight - live);
  end if;
  if room <= 0 then
    return jsonb_build_object('leases', '[]'::jsonb, 'live', live, 'examined', 0, 'postponed', 0, 'healed', 0,
      'changed', '[]'::jsonb, 'dry', false);
  end if;

  -- 1. Those whose patience is at its end; then the most urgent; then ordinary ones as far as the budget goes.
  most_patient := least(
    floor(room * (request->>'patientShare')::double precision + coalesce((request->>'chance')::double precision, random())),
    room, most_ordinary);
  most_beyond_rescue := floor(most_patient / 2.0 + coalesce((request->>'beyondRescueChance')::double precision, random()));
  with beyond_rescue as materialized (
    select b.slab_id, b.urgency, b.margin, b.bad_sectors[1] as first_bad
    from slabmend.backlog b
    where b.ready and b.urgency = 0 and b.waiting_since < moment - patience
    order by b.waiting_since, b.slab_id
    limit most_beyond_rescue
    for no key update skip locked
  ), saveable as materialized (
    select b.slab_id, b.urgency, b.margin, b.bad_sectors[1] as first_bad
    from slabmend.backlog b
    where b.ready and b.urgency > 0 and b.waiting_since < moment - patience
    order by b.waiting_since, b.slab_id
    limit most_patient - (select count(*) from beyond_rescue)
    for no key update skip locked
  ), patient as materialized (
    select b.* from beyond_rescue b union all select s.* from saveable s
  ), urgent as materialized (
    select b.slab_id, b.urgency, b.margin, b.bad_sectors[1] as first_bad
    from slabmend.backlog b
    where b.ready and b.urgency > ordinary_up_to and b.slab_id not in (select p.slab_id from patient p)
    order by b.urgency desc, b.waiting_since, b.slab_id
    limit room - (select count(*) from patient)
    for no key update of b skip locked
  ), remaining as (
    -- least() leaves null, no limit, out of account.
    select room - p.count - u.count as places, least(room - p.count - u.count, most_ordinary - p.count) as ordinary
    from (select count(*) from patient) p cross join (select count(*) from urgent) u
  ), ordinary as materialized (
    select b.slab_id, b.urgency, b.margin, b.bad_sectors[1] as first_bad
    from slabmend.backlog b
    where b.ready and b.urgency <= ordinary_up_to and b.slab_id not in (select p.slab_id from patient p)
    order by b.urgency desc, b.waiting_since, b.slab_id
    limit (select r.ordinary from remaining r)
    for no key update of b skip locked
  ), taken as (
    select p.* from patient p union all select u.* from urgent u union all select o.* from ordinary o
  )
  select coalesce(array_agg(t.slab_id), '{}'), array_agg(t.urgency), array_agg(t.margin), array_agg(t.first_bad),
    (select r.places > 0 and (r.ordinary = 0 or r.ordinary > (select count(*) from ordinary)) from remaining r)
  into chosen, urgencies, margins, first_bad, dry
  from taken t;

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
      select b.slab_id, count(x.cause) as bad,
        coalesce(bool_or(x.cause is not null) filter (where x.sector_id = b.bad_sectors[1]), false) as first_is_bad
      from slabmend.backlog b
      left join lateral (select * from slabmend.sector_causes(b.bad_sectors) offset 0) x on true
      where b.slab_id = any (doubtful)
      group by b.slab_id
    ) j;
  end if;

  with judged as materialized (
    select e.slab_id, e.urgency, e.margin, e.place, t.digest, t.free_at,
      case
        when t.slab_id is null or t.dying or e.slab_id = any (well) then 'gone'
        when e.slab_id = any (changed) then 'changed'
        when t.leased or t.free_at >= moment or e.slab_id <> all (locked) then 'postponed'
        else 'due'
      end as verdict
    from unnest(chosen, urgencies, margins) with ordinality e (slab_id, urgency, margin, place)
    left join slabmend.claim_times(chosen, grace) t on t.slab_id = e.slab_id
  ), inserted as (
    insert into slabmend.leases as l (slab_id, digest, leased_at, held_until, sending_since, expires_at, margin, through_queue)
    select j.slab_id, j.digest, moment, moment + hold, moment, moment + hold, j.margin, through
    from judged j where j.verdict = 'due'
    on conflict (slab_id) do nothing
    returning l.slab_id, l.digest, l.token, l.held_until
  ), held as (
    update public.slabs s set next_repair_attempt = i.held_until from inserted i where s.id = i.slab_id
  ), removed as (
    delete from slabmend.backlog b using judged j where b.slab_id = j.slab_id and j.verdict = 'gone'
  ), moved_back as (
    update slabmend.backlog b
    set ready = false,
      look_at = case j.verdict
        when 'due' then moment + hold
        when 'changed' then moment
        -- A slab that somebody holds locked right now is free in a moment.
        else greatest(j.free_at, moment + interval '1 second')
      end
    from judged j where b.slab_id = j.slab_id and j.verdict <> 'gone'
  )
  select
    coalesce(jsonb_agg(jsonb_build_object('slabId', i.slab_id::text, 'digest', encode(i.digest, 'hex'), 'token', i.token,
      'margin', j.margin, 'urgency', j.urgency) order by j.place) filter (where i.slab_id is not null), '[]') as leases,
    count(*) as examined, count(i.slab_id) as leased,
    count(*) filter (where j.verdict = 'postponed') as postponed,
    count(*) filter (where j.verdict = 'gone') as healed,
    coalesce(jsonb_agg(j.slab_id::text) filter (where j.verdict = 'changed'), '[]') as changed
  into result
  from judged j left join inserted i on i.slab_id = j.slab_id;

  return jsonb_build_object('leases', result.leases, 'live', live + result.leased, 'examined', result.examined,
    'postponed', result.postponed, 'healed', result.healed, 'changed', result.changed, 'dry', dry);
end
$function$;
