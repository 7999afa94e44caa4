-- Which sectors of these slabs have to move, and why: docs/protocol.md#which-sectors-move-and-where;
-- lib/placement/sectors-to-move.ts makes the same decision on a slab and a network snapshot that were already read.
--
--   lost, denied, bad-host, bad-contract, draining   bad by itself: bad_sector_cause()
--   duplicate-host                 an earlier sector of the slab is on the same host: each host counts once
--   bad-contract                   also: an earlier sector of the slab, which stays, is pinned to the same contract
--
-- A denied sector still occupies its host: a later sector of the slab on that host is a duplicate. A sector on a
-- draining host is included even while the drain is paused, because moves in progress may still be recorded. Needs
-- host_states(), contract_states(), bad_sector_cause(), open_denials() and draining_hosts(). Reads slab_sectors by its
-- primary key, sectors by id, contract_sectors_map by id. For all slabs: slabmend.sectors_to_move(array(select id from
-- slabs)).
create or replace function slabmend.sectors_to_move(slab_ids bigint[])
returns table (slab_id bigint, sector_id bigint, slab_index smallint, reason text)
language plpgsql stable
-- Planning this statement over ten tables takes three times as long as reading one slab with it. So the function is
-- planned once per connection, and not inlined into each statement of a commit. One plan suits any number of slabs,
-- because it uses indexes.
set plan_cache_mode = force_generic_plan
-- If sequential scans were allowed, a plan that was made while the table denials was empty would still scan the whole
-- table after the table has grown.
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  draining constant integer[] not null := array(select x.host_id from slabmend.draining_hosts() x);
begin
  return query
  select d.slab_id, d.sector_id, d.slab_index, d.reason
  from (
    select
      e.slab_id, e.sector_id, e.slab_index,
      case
        when e.early_reason is not null then e.early_reason
        when e.contract_id is not null and row_number() over (
          partition by e.slab_id, e.contract_id, e.early_reason is null order by e.slab_index) > 1
        then 'bad-contract'
      end as reason
    from (
      select
        p.slab_id, p.sector_id, p.slab_index, p.contract_id,
        case
          when p.cause in ('lost', 'denied', 'bad-host') then p.cause
          when row_number() over (partition by p.slab_id, p.host_id order by p.slab_index) > 1 then 'duplicate-host'
          else p.cause
        end as early_reason
      from (
        select
          ss.slab_id, ss.sector_id, ss.slab_index, s.host_id, m.contract_id,
          slabmend.bad_sector_cause(
            s.host_id, d.sector_id is not null, h.good and h.has_active_contract, m.contract_id is not null,
            c.healthy and (c.host_id = s.host_id or ch.good), s.host_id = any (draining)) as cause
        from public.slab_sectors ss
        join public.sectors s on s.id = ss.sector_id
        -- Lateral joins look up the host of each sector, for any number of slabs. A hash join would judge every host.
        left join lateral (
          select x.good, x.has_active_contract from slabmend.host_states() x where x.host_id = s.host_id offset 0
        ) h on true
        left join lateral (
          select x.sector_id from slabmend.open_denials() x where x.sector_id = s.id offset 0
        ) d on true
        left join public.contract_sectors_map m on m.id = s.contract_sectors_map_id
        left join lateral (
          select x.healthy, x.host_id from slabmend.contract_states() x where x.contract_id = m.contract_id offset 0
        ) c on true
        left join lateral (
          select x.good from slabmend.host_states() x where x.host_id = c.host_id and c.host_id <> s.host_id offset 0
        ) ch on true
        where ss.slab_id = any (slab_ids)
      ) p
    ) e
  ) d
  where d.reason is not null;
end
$$;
