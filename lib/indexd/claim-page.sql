-- claim, one transaction and one round trip: look at one page of bad sectors behind the checkpoint, lease its slabs.
--
--   request  {"checkpoint", "pageSectors", "maxLeases", "maxInFlight", "holdMs", "graceMs"}
--   answer   {"leases": [{"slabId", "digest", "token", "margin"}], "live", "from", "next", "passed", "sectors"}
--            leases: lowest margin first; live: leases that exist now; next: where the next page starts, 0 = from the
--            beginning; passed: nothing claimable was left behind in this one; sectors: how many bad ones the page had.
--
-- Chosen as indexd does (docs/protocol.md, Selecting unhealthy slabs), by ascending sector id: lost sectors, sectors
-- pinned to a contract that is bad or over, and besides, what indexd does not look for: unpinned sectors on hosts that
-- are not good, where they would sit for three days.
--
-- The checkpoint passes a page only when nothing claimable was left behind in it, and goes on whether or not anything
-- was claimable: slabs that wait for their next attempt cannot fill the page.
--
-- Locks: slabs `for no key update skip locked`, so that it never waits for anybody's; then inserts leases, of which
-- nobody else can hold one without the slab's lock; the checkpoint last, for the rest of the transaction.
-- A second caller at the same time skips what is locked here and takes other slabs of the same page, or of the next.
-- maxInFlight is counted before the insert: several callers at once may exceed it by a batch each.
--
-- Indexes: sectors_lost_idx; sectors_contract_sectors_map_id_id_idx for each bad contract;
-- sectors_host_id_null_contract_map_idx for each host that is not good and has unpinned sectors by indexd's own counter.
create or replace function slabmend.claim_page(request jsonb) returns jsonb
language plpgsql volatile
as $function$
declare
  page_sectors constant integer not null := (request->>'pageSectors')::integer;
  hold constant interval not null := make_interval(secs => (request->>'holdMs')::double precision / 1000);
  grace constant interval not null := make_interval(secs => (request->>'graceMs')::double precision / 1000);
  room integer not null := (request->>'maxLeases')::integer;
  live integer;
  from_sector bigint;
  next_sector bigint;
  sector_ids bigint[];
  locked_ids bigint[];
  margins smallint[];
  moment timestamptz;
  leased jsonb;
  passed boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'claim_page needs read committed' using errcode = 'invalid_transaction_state';
  end if;

  select c.position into strict from_sector
  from slabmend.checkpoints c where c.name = request->>'checkpoint';

  select count(*) into live from slabmend.leases;
  room := least(room, (request->>'maxInFlight')::integer - live);
  if room <= 0 then
    return jsonb_build_object('leases', '[]'::jsonb, 'live', live, 'from', from_sector::text,
      'next', from_sector::text, 'passed', false, 'sectors', 0);
  end if;

  select array_agg(b.id), max(b.id) into sector_ids, next_sector
  from (
    select u.id
    from (
      (select s.id from public.sectors s
       where s.host_id is null and s.id > from_sector
       order by s.id limit page_sectors)
      union all
      (select bad.id
       from public.contracts c
       join public.contract_sectors_map m on m.contract_id = c.contract_id
       cross join lateral (
         select s.id from public.sectors s
         where s.contract_sectors_map_id = m.id and s.id > from_sector
         order by s.id limit page_sectors
       ) bad
       where not c.good or c.state not in (0, 1))
      union all
      (select stranded.id
       from slabmend.host_states() h
       join public.hosts host on host.id = h.host_id and host.unpinned_sectors > 0
       cross join lateral (
         select s.id from public.sectors s
         where s.host_id = h.host_id and s.contract_sectors_map_id is null and s.id > from_sector
         order by s.id limit page_sectors
       ) stranded
       where not (h.good and h.has_active_contract))
    ) u
    order by u.id
    limit page_sectors
  ) b;
  if coalesce(cardinality(sector_ids), 0) < page_sectors then
    next_sector := 0;
  end if;

  select array_agg(l.slab_id order by l.place), array_agg(l.margin order by l.place) into locked_ids, margins
  from (
    select k.slab_id, k.margin, k.place
    from (
      select c.slab_id, c.margin, row_number() over (order by c.margin, c.slab_id) as place
      from (
        -- How many more sectors the slab can lose: those on good hosts, less those that no source can give.
        select c.slab_id,
          (count(h.host_id) - coalesce(jsonb_array_length(r.bad_shards), 0) - c.min_shards)::smallint
            as margin
        from slabmend.claimable_slabs(
          array(select distinct ss.slab_id from public.slab_sectors ss where ss.sector_id = any (sector_ids)),
          clock_timestamp(), grace) c
        join public.slab_sectors ss on ss.slab_id = c.slab_id
        join public.sectors s on s.id = ss.sector_id
        left join slabmend.host_states() h on h.host_id = s.host_id and h.good
        left join slabmend.repairs r on r.slab_id = c.slab_id
        group by c.slab_id, c.min_shards, r.bad_shards
      ) c
    ) k
    join public.slabs s on s.id = k.slab_id
    -- Asked again of the row as it is once it is locked: without, slabs that somebody has leased since this statement
    -- began would use up the limit, and what is behind them would be taken for nothing left.
    where s.next_repair_attempt < clock_timestamp()
    order by k.place
    limit room
    for no key update of s skip locked
  ) l;

  -- A new statement, now that the slabs are ours: whatever came between is seen.
  moment := clock_timestamp();
  with inserted as (
    insert into slabmend.leases as l (slab_id, digest, leased_at, held_until, sending_since, expires_at, margin)
    select c.slab_id, c.digest, moment, moment + hold, moment, moment + hold, chosen.margin
    from unnest(locked_ids, margins) as chosen (slab_id, margin)
    join slabmend.claimable_slabs(locked_ids, moment, grace) c on c.slab_id = chosen.slab_id
    on conflict (slab_id) do nothing
    returning l.slab_id, l.digest, l.token, l.margin, l.held_until
  ), held as (
    update public.slabs s set next_repair_attempt = i.held_until
    from inserted i where s.id = i.slab_id
  )
  select coalesce(jsonb_agg(jsonb_build_object(
      'slabId', i.slab_id::text, 'digest', encode(i.digest, 'hex'), 'token', i.token, 'margin', i.margin)
    order by i.margin, i.slab_id), '[]'::jsonb)
  into leased
  from inserted i;

  passed := coalesce(cardinality(locked_ids), 0) < room;
  if passed then
    -- Only from where it stood: a slower caller must not take the walk back.
    update slabmend.checkpoints c set position = next_sector, updated_at = clock_timestamp()
    where c.name = request->>'checkpoint' and c.position = from_sector;
  else
    next_sector := from_sector;
  end if;

  return jsonb_build_object('leases', leased, 'live', live + jsonb_array_length(leased),
    'from', from_sector::text, 'next', next_sector::text, 'passed', passed, 'sectors', coalesce(cardinality(sector_ids), 0));
end
$function$;
