-- Judges the moves of a commit by rules 3 to 5 of docs/architecture.md#what-must-always-hold, in the snapshot of the
-- calling statement; the caller holds the locks of lock_for_commit. `why` is null for a move that may be recorded.
--
--   moves      [{"index", "root", "sectorId", "plannedHostId", "plannedMapId", "plannedContractId", "newHostId",
--              "how"}]
--   needed     rows of sectors_to_move as jsonb, read under those locks
--   host_good  whether the new host is good, by host_states
--
-- Indexes: primary keys, slab_sectors_sector_id_slab_id_idx, contracts_host_id_active_good_idx.
create or replace function slabmend.judge_moves(the_slab bigint, moves jsonb, needed jsonb)
returns table (slab_index integer, root text, how text, sector_id bigint, old_host_id integer, new_host_id integer,
  host_good boolean, must_move boolean, why text)
language sql stable
as $function$
  with move as (
    select m.* from jsonb_to_recordset(moves) as m ("index" integer, root text, "sectorId" bigint,
      "plannedHostId" integer, "plannedMapId" integer, "plannedContractId" text, "newHostId" integer, how text)
  ), judged as (
    select m."index" as slab_index, m.root, m."newHostId" as new_host_id, m.how,
      s.id as sector_id, s.host_id as old_host_id,
      h.good as host_good,
      need.reason is not null as must_move,
      case
        -- The slab no longer has the move's sector at the move's index.
        when s.id is null then 'sector-gone'
        -- Rule 3: the sector has no host now, or is exactly where it was when the repair was planned ...
        when s.host_id is not null and (
          s.host_id is distinct from m."plannedHostId"
          or s.contract_sectors_map_id is distinct from m."plannedMapId") then 'sector-moved'
        when s.host_id is not null
          and map.contract_id is distinct from decode(m."plannedContractId", 'hex') then 'contract-renewed'
        -- ... and it still has to move.
        when need.reason is null then 'healthy-again'
        -- Rule 5, as far as the database can tell; the worker has checked the root that the host acknowledged.
        when h.host_id is null then 'host-gone'
        when h.blocked then 'host-blocked'
        when not h.has_healthy_contract then 'host-without-good-contract'
        -- Rule 4: the new host must have no other sector of this slab, nor of any other slab that has this sector. This
        -- uses `count`, because the planner may turn an `exists` into a hash of the whole of slab_sectors.
        when s.host_id = m."newHostId" or (
          select count(*) from public.slab_sectors mine
          join public.slab_sectors other on other.slab_id = mine.slab_id and other.sector_id <> mine.sector_id
          join public.sectors o on o.id = other.sector_id
          where mine.sector_id = s.id and o.host_id = m."newHostId") > 0 then 'host-taken'
      end as why
    from move m
    left join public.slab_sectors ss
      on ss.slab_id = the_slab and ss.slab_index = m."index" and ss.sector_id = m."sectorId"
    left join public.sectors s on s.id = ss.sector_id and s.sector_root = decode(m.root, 'hex')
    left join public.contract_sectors_map map on map.id = s.contract_sectors_map_id
    left join jsonb_to_recordset(needed) as need (slab_index integer, reason text)
      on need.slab_index = m."index" and s.id is not null
    -- Lateral, so that only the new hosts are judged.
    left join lateral (
      select x.host_id, x.blocked, x.good, x.has_healthy_contract
      from slabmend.host_states() x where x.host_id = m."newHostId" offset 0
    ) h on true
  ), ranked as (
    -- Rule 4 among the moves of this commit: each new host gets one sector, and each sector moves once.
    select j.*,
      row_number() over (partition by j.why is null, j.new_host_id order by j.slab_index) as place_on_host,
      row_number() over (partition by j.why is null, j.sector_id order by j.slab_index, j.new_host_id) as place_of_sector
    from judged j
  )
  select r.slab_index, r.root, r.how, r.sector_id, r.old_host_id, r.new_host_id, r.host_good, r.must_move,
    coalesce(r.why, case when r.place_on_host > 1 or r.place_of_sector > 1 then 'host-taken' end)
  from ranked r
$function$;
