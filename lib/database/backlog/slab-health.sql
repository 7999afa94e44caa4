-- The health of these slabs as seen in one snapshot, with their backlog entries. Read only; takes no row lock.
--
--   answer   [{"slabId", "there": false}] for a slab that is gone, otherwise
--            [{"slabId", "there": true, "minShards", "leased", "dying", "givenUp",
--              "freeAtMs", "endangeredFreeAtMs"          see lease_standing
--              "attemptedAtMs": number | null            when the last repair ended, or crashed
--              "good": [hostId]                          the host of each sector that is neither bad nor wrongly pinned
--              "bad": [[hostId | null, cause, suspected]]   one element per bad sector
--                    hostId null: the sector is no source; suspected: a suspected host denied the sector
--              "known": {"version", "waitingSinceMs", "since"} | null}]   the slab's backlog entry
--                    version: for record_backlog
--
-- A wrongly pinned shard (repairs.bad_shards) is no source, even if its sector is healthy.
--
-- Reads slab_sectors by primary key and sectors by id, each row once; hosts and contracts once for all slabs. The
-- laterals and settings fix this plan, because the planner does not know the number of ids.
create or replace function slabmend.slab_health(slab_ids bigint[], grace interval) returns jsonb
language sql stable
set enable_seqscan = off
as $function$
  with place as materialized (
    select ss.slab_id, ss.slab_index, s.host_id, s.contract_sectors_map_id as map_id, d.sector_id is not null as denied,
      coalesce(r.bad_shards @> jsonb_build_array(jsonb_build_object('index', ss.slab_index)), false) as wrong
    from unnest(slab_ids) w (id)
    cross join lateral (
      select x.slab_id, x.sector_id, x.slab_index from public.slab_sectors x where x.slab_id = w.id offset 0
    ) ss
    -- No `x.*`, because workers have no privilege to read some columns of sectors.
    cross join lateral (
      select x.host_id, x.contract_sectors_map_id from public.sectors x where x.id = ss.sector_id offset 0
    ) s
    left join lateral (
      select x.sector_id from slabmend.open_denials() x where x.sector_id = ss.sector_id offset 0
    ) d on true
    left join slabmend.repairs r on r.slab_id = ss.slab_id and r.bad_shards <> '[]'
  ), suspect as materialized (
    select x.host_id from slabmend.suspected_hosts(array(select distinct p.host_id from place p where p.denied)) x
  ), drain as materialized (
    -- A paused drain is no reason to lease a slab.
    select x.host_id from slabmend.draining_hosts() x where not x.is_paused
  ), host as materialized (
    select h.host_id, h.good and h.has_active_contract as counts
    from slabmend.host_states() h
    where h.host_id in (select p.host_id from place p)
  ), pin as materialized (
    select m.id as map_id, c.healthy and ch.good as counts
    from public.contract_sectors_map m
    left join slabmend.contract_states() c on c.contract_id = m.contract_id
    left join slabmend.host_states() ch on ch.host_id = c.host_id
    where m.id in (select p.map_id from place p)
  ), judged as (
    select p.slab_id, p.slab_index, p.wrong, p.host_id,
      slabmend.bad_sector_cause(p.host_id, p.denied, h.counts, p.map_id is not null, pin.counts,
        p.host_id in (select x.host_id from drain x)) as cause
    from place p
    left join host h on h.host_id = p.host_id
    left join pin on pin.map_id = p.map_id
  ), slab as (
    select j.slab_id,
      coalesce(jsonb_agg(j.host_id order by j.slab_index) filter (where j.cause is null and not j.wrong), '[]') as good,
      coalesce(jsonb_agg(jsonb_build_array(case when not j.wrong and j.cause <> 'denied' then j.host_id end, j.cause,
          j.cause = 'denied' and j.host_id in (select x.host_id from suspect x))
        order by j.slab_index) filter (where j.cause is not null), '[]') as bad
    from judged j
    group by j.slab_id
  )
  select coalesce(jsonb_agg(
    case when t.slab_id is null then jsonb_build_object('slabId', w.id::text, 'there', false,
      'known', case when b.slab_id is not null then jsonb_build_object('version', b.xmin::text) end)
    else jsonb_build_object('slabId', w.id::text, 'there', true, 'minShards', t.min_shards, 'leased', t.leased, 'dying', t.dying, 'givenUp', t.given_up,
      'freeAtMs', extract(epoch from t.free_at) * 1000, 'endangeredFreeAtMs', extract(epoch from t.endangered_free_at) * 1000,
      'attemptedAtMs', extract(epoch from attempt.finished_at) * 1000,
      'good', coalesce(slab.good, '[]'), 'bad', coalesce(slab.bad, '[]'),
      'known', case when b.slab_id is not null then jsonb_build_object('version', b.xmin::text,
        'waitingSinceMs', extract(epoch from b.waiting_since) * 1000, 'since', b.since) end)
    end order by w.id), '[]')
  from (select distinct unnest(slab_ids) as id) w
  left join lateral slabmend.lease_standing(array[w.id], grace) t on true
  left join lateral (
    -- A lease whose repair never began was no attempt.
    select r.finished_at from slabmend.repairs r where r.slab_id = w.id and r.last_outcome <> 'never-begun' offset 0
  ) attempt on true
  left join slab on slab.slab_id = w.id
  left join slabmend.backlog b on b.slab_id = w.id
$function$;
