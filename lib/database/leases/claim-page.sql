-- claim, one transaction and one round trip: look at one page of bad sectors behind the checkpoint, lease its slabs.
--
--   request  {"checkpoint", "pageSectors", "maxLeases", "maxInFlight", "holdMs", "graceMs", "throughQueue"}
--            throughQueue: whose leases are made and counted, the queue's or those of machines that lease for themselves;
--            the release before does not say it: true
--   answer   {"leases": [{"slabId", "digest", "token", "margin"}], "live", "from", "fromSlab", "next", "nextSlab", "passed",
--             "sectors"}
--            leases: lowest margin first; live: leases of that kind that exist now; next, nextSlab: where the next page
--            starts, 0 = from the beginning; passed: nothing claimable was left behind in this one; sectors: how many bad
--            ones the page had.
--
-- Chosen as indexd does (docs/protocol.md, Selecting unhealthy slabs), by ascending sector id, whatever the cause:
-- bad-sectors.sql. A page has twice as many slabs as sectors at most: it may end in the middle of a sector that many slabs share.
--
-- The checkpoint passes a page only when nothing claimable was left behind in it, and goes on whether or not anything
-- was claimable: slabs that wait for their next attempt cannot fill the page.
--
-- Locks: slabs `for no key update skip locked`, so that it never waits for anybody's; then inserts leases, of which
-- nobody else can hold one without the slab's lock; the checkpoint last, for the rest of the transaction.
-- A second caller at the same time skips what is locked here and takes other slabs of the same page, or of the next.
-- maxInFlight is counted before the insert: several callers at once may exceed it by a batch each.
--
-- Indexes: those of bad-sectors.sql, sector-slabs.sql and claimable-slabs.sql; slab_sectors by its primary key. The settings and
-- laterals pin that down: how many ids there are is not known when the plan is made.
create or replace function slabmend.claim_page(request jsonb) returns jsonb
language plpgsql volatile
set enable_seqscan = off
as $function$
declare
  page_sectors constant integer not null := (request->>'pageSectors')::integer;
  hold constant interval not null := make_interval(secs => (request->>'holdMs')::double precision / 1000);
  grace constant interval not null := make_interval(secs => (request->>'graceMs')::double precision / 1000);
  through constant boolean not null := coalesce((request->>'throughQueue')::boolean, true);
  room integer not null := (request->>'maxLeases')::integer;
  live integer;
  from_sector bigint;
  from_slab bigint;
  next_sector bigint;
  next_slab bigint := 0;
  sector_ids bigint[];
  most_pairs constant integer not null := 2 * page_sectors;
  pairs record;
  locked_ids bigint[];
  margins smallint[];
  moment timestamptz;
  leased jsonb;
  passed boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'claim_page needs read committed' using errcode = 'invalid_transaction_state';
  end if;

  select c.position, c.slab_position into strict from_sector, from_slab
  from slabmend.checkpoints c where c.name = request->>'checkpoint';

  select count(*) into live from slabmend.leases l where l.through_queue = through;
  room := least(room, (request->>'maxInFlight')::integer - live);
  if room <= 0 then
    return jsonb_build_object('leases', '[]'::jsonb, 'live', live, 'from', from_sector::text, 'fromSlab', from_slab::text,
      'next', from_sector::text, 'nextSlab', from_slab::text, 'passed', false, 'sectors', 0);
  end if;

  -- Each cause is complete up to its own next_sector, so all of them are up to the lowest.
  with part as materialized (
    select b.sector_ids, b.next_sector
    from unnest(array['lost', 'bad-contract', 'bad-host']) cause (name)
    cross join lateral slabmend.bad_sectors(cause.name, from_sector, page_sectors) b
  ), complete as (
    select min(p.next_sector) as up_to from part p
  ), page as (
    select distinct x.id
    from part p cross join lateral unnest(p.sector_ids) x (id), complete c
    where c.up_to is null or x.id <= c.up_to
    order by x.id limit page_sectors
  )
  select array_agg(p.id order by p.id),
    case when count(*) = page_sectors then max(p.id) else coalesce((select c.up_to from complete c), 0) end
  into sector_ids, next_sector
  from page p;

  select array_agg(distinct p.slab_id) as slab_ids, count(*) = most_pairs as is_cut,
    (array_agg(p.sector_id order by p.sector_id desc, p.slab_id desc))[1] as last_sector,
    (array_agg(p.slab_id order by p.sector_id desc, p.slab_id desc))[1] as last_slab
  into pairs
  from slabmend.sector_slabs(sector_ids, from_sector, from_slab, most_pairs) p;
  if pairs.is_cut then
    next_sector := pairs.last_sector - 1;
    next_slab := pairs.last_slab;
  end if;

  with chosen as materialized (
    select c.slab_id, c.min_shards from slabmend.claimable_slabs(pairs.slab_ids, clock_timestamp(), grace) c
  ), place as materialized (
    select c.slab_id, s.host_id
    from chosen c
    cross join lateral (select y.sector_id from public.slab_sectors y where y.slab_id = c.slab_id offset 0) ss
    cross join lateral (select y.host_id from public.sectors y where y.id = ss.sector_id offset 0) s
  ), host as materialized (
    select h.host_id from slabmend.host_states() h where h.good and h.host_id in (select p.host_id from place p)
  ), judged as (
    -- How many more sectors the slab can lose: those on good hosts, less those that no source can give.
    select c.slab_id,
      (count(h.host_id) - coalesce(jsonb_array_length(r.bad_shards), 0) - c.min_shards)::smallint as margin
    from chosen c
    join place p on p.slab_id = c.slab_id
    left join host h on h.host_id = p.host_id
    left join slabmend.repairs r on r.slab_id = c.slab_id
    group by c.slab_id, c.min_shards, r.bad_shards
  )
  select array_agg(l.slab_id order by l.place), array_agg(l.margin order by l.place) into locked_ids, margins
  from (
    select k.slab_id, k.margin, k.place
    from (
      select j.slab_id, j.margin, row_number() over (order by j.margin, j.slab_id) as place from judged j
    ) k
    join public.slabs s on s.id = k.slab_id
    -- By the primary key, however many there are.
    where s.id = any (array(select c.slab_id from chosen c))
      -- Asked again of the row as it is once it is locked: without, slabs that somebody has leased since this statement
      -- began would use up the limit, and what is behind them would be taken for nothing left.
      and s.next_repair_attempt < clock_timestamp()
    order by k.place
    limit room
    for no key update of s skip locked
  ) l;

  -- A new statement, now that the slabs are ours: whatever came between is seen.
  moment := clock_timestamp();
  with inserted as (
    insert into slabmend.leases as l (slab_id, digest, leased_at, held_until, sending_since, expires_at, margin, through_queue)
    select c.slab_id, c.digest, moment, moment + hold, moment, moment + hold, chosen.margin, through
    from unnest(locked_ids, margins) as chosen (slab_id, margin)
    join slabmend.claimable_slabs(locked_ids, moment, grace) c on c.slab_id = chosen.slab_id
    on conflict (slab_id) do nothing
    returning l.slab_id, l.digest, l.token, l.margin, l.held_until
  ), held as (
    update public.slabs s set next_repair_attempt = i.held_until
    from inserted i where s.id = i.slab_id and s.id = any (locked_ids)
  )
  select coalesce(jsonb_agg(jsonb_build_object(
      'slabId', i.slab_id::text, 'digest', encode(i.digest, 'hex'), 'token', i.token, 'margin', i.margin)
    order by i.margin, i.slab_id), '[]'::jsonb)
  into leased
  from inserted i;

  passed := coalesce(cardinality(locked_ids), 0) < room;
  if passed then
    -- Only from where it stood: a slower caller must not take the checkpoint back.
    update slabmend.checkpoints c
    set position = next_sector, slab_position = next_slab, updated_at = clock_timestamp()
    where c.name = request->>'checkpoint' and c.position = from_sector and c.slab_position = from_slab;
  else
    next_sector := from_sector;
    next_slab := from_slab;
  end if;

  return jsonb_build_object('leases', leased, 'live', live + jsonb_array_length(leased),
    'from', from_sector::text, 'fromSlab', from_slab::text,
    'next', next_sector::text, 'nextSlab', next_slab::text,
    'passed', passed, 'sectors', coalesce(cardinality(sector_ids), 0));
end
$function$;
