-- Leases a batch of ready slabs, in one transaction and one round trip. Leases none if the fleet's mode is not
-- `running`.
--
--   request  {"order": "urgency" | "waiting", "waitedMs", "urgencyAbove", "dangerAbove", "maxLeases", "maxInFlight" |
--            null,
--             "throughQueue", "holdMs", "graceMs"}
--            order: the most urgent slabs first; or the slabs that have waited longest first, only those that have
--            waited for
--              more than waitedMs
--            urgencyAbove: only slabs whose urgency is above this
--            dangerAbove: slabs whose loss probability is above this are endangered
--            maxInFlight: the most leases of this kind that may exist afterwards; null: no limit
--            throughQueue: the kind of the leases: for the queue, or for machines that lease for themselves
--   answer   {"leases": [{"slabId", "digest", "token", "margin", "urgency"}], "live", "dry"}
--            leases: in the requested order
--            live: how many leases of this kind there are now; null without maxInFlight, because they are not counted
--            dry: true if no slab is left that matches the request
--
-- A backlog entry may be out of date. So once entry and slab are locked, a new statement decides whether the slab may
-- be leased. If it may not, the entry gets a time at which the slab is judged again. This statement does not check
-- whether the slab is still unhealthy: the check would cost more than the few repairs that find their slab healthy. But
-- it leases a slab whose only cause is `draining` only while a drain runs, because an operator pauses or cancels a
-- drain to stop its spending. Without a running drain the slab is judged again.
--
-- Locks: backlog entries, then slabs, all `skip locked`: a caller never waits, and concurrent callers take different
-- slabs. Leases are inserted only for locked slabs, so no other caller can insert a lease for the same slab. The
-- existing leases are counted before new ones are made, so concurrent callers may together exceed maxInFlight: by at
-- most one batch for each caller.
--
-- Indexes: the first entries of backlog_urgency_idx or backlog_waiting_idx; then primary keys and the indexes of
-- lease_standing.
create or replace function slabmend.lease_batch(request jsonb) returns jsonb
language plpgsql volatile
-- Planned once per connection; the plan uses indexes for any number of ids.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $function$
declare
  hold constant interval not null := make_interval(secs => (request->>'holdMs')::double precision / 1000);
  grace constant interval not null := make_interval(secs => (request->>'graceMs')::double precision / 1000);
  waited constant interval not null := make_interval(secs => (request->>'waitedMs')::double precision / 1000);
  urgency_above constant double precision not null := (request->>'urgencyAbove')::double precision;
  danger_above constant double precision not null := (request->>'dangerAbove')::double precision;
  through constant boolean not null := (request->>'throughQueue')::boolean;
  room integer not null := (request->>'maxLeases')::integer;
  moment timestamptz := clock_timestamp();
  live integer;
  chosen bigint[];
  locked bigint[];
  leases jsonb;
  is_draining boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'lease_batch needs read committed' using errcode = 'invalid_transaction_state';
  end if;

  -- This call comes first because it may wait for an upgrade of indexd, and an operator may pause the fleet or a drain
  -- during the wait.
  perform slabmend.hold_indexd(array['slabs']);
  if request->>'maxInFlight' is not null then
    select count(*) into live from slabmend.leases l where l.through_queue = through;
    room := least(room, (request->>'maxInFlight')::integer - live);
  end if;
  if room <= 0 or (select f.mode from slabmend.fleet f) <> 'running' then
    return jsonb_build_object('leases', '[]'::jsonb, 'live', live, 'dry', room > 0);
  end if;

  is_draining := exists (select from slabmend.draining_hosts() d where not d.is_paused);
  if request->>'order' = 'waiting' then
    chosen := array(
      select b.slab_id from slabmend.backlog b
      where b.ready and b.waiting_since < moment - waited and b.urgency > urgency_above
      order by b.waiting_since, b.urgency desc limit room for no key update skip locked);
  else
    chosen := array(
      select b.slab_id from slabmend.backlog b
      where b.ready and b.urgency > urgency_above
      order by b.urgency desc, b.waiting_since, b.slab_id limit room for no key update skip locked);
  end if;
  locked := array(select s.id from public.slabs s where s.id = any (chosen) for no key update skip locked);

  moment := clock_timestamp();
  with candidate as materialized (
    select c.slab_id, c.place, b.margin, b.urgency, t.digest, t.free_at,
      coalesce(c.slab_id = any (locked) and not t.leased and not t.dying and not t.given_up and t.free_at < moment
        and (is_draining or not b.is_only_drained), false) as is_due
    from unnest(chosen) with ordinality c (slab_id, place)
    cross join lateral (
      select x.margin, x.urgency, x.loss, x.causes ? 'draining' and x.causes - 'draining' = '{}' as is_only_drained
      from slabmend.backlog x where x.slab_id = c.slab_id offset 0
    ) b
    left join lateral (
      select x.digest, x.leased, x.dying, x.given_up,
        case when b.loss > danger_above and not b.is_only_drained then x.endangered_free_at else x.free_at end as free_at
      from slabmend.lease_standing(array[c.slab_id], grace) x
    ) t on true
  ), leased as (
    insert into slabmend.leases as l
      (slab_id, digest, leased_at, held_until, sending_since, expires_at, margin, through_queue)
    select c.slab_id, c.digest, moment, moment + hold, moment, moment + hold, c.margin, through
    from candidate c where c.is_due
    returning l.slab_id, l.digest, l.token, l.margin
  ), held as (
    update public.slabs s set next_repair_attempt = moment + hold from leased l where s.id = l.slab_id
  ), postponed as (
    update slabmend.backlog b
    set ready = false,
      -- A deleted slab has no free_at. The free_at of a slab that is dying, given up, or locked by another transaction
      -- may be in the past. The backlog entries of all these slabs are looked at again in a second.
      look_at = case when c.is_due then moment + hold else greatest(c.free_at, moment + interval '1 second') end
    from candidate c where b.slab_id = c.slab_id
  )
  select coalesce(jsonb_agg(jsonb_build_object('slabId', l.slab_id::text, 'digest', encode(l.digest, 'hex'), 'token', l.token,
    'margin', l.margin, 'urgency', c.urgency) order by c.place), '[]')
  into leases
  from leased l join candidate c on c.slab_id = l.slab_id;

  return jsonb_build_object('leases', leases, 'live', live + jsonb_array_length(leases), 'dry', cardinality(chosen) < room);
end
$function$;
