-- What is wrong with each of these sectors by itself; null: nothing. Missing: the sector is gone.
--
--   lost           no host
--   bad-host       the host is blocked, unusable or without an active contract
--   bad-contract   pinned to a contract that is not healthy, or whose host is not good
--
-- The same judgement as sectors_to_move, which besides compares the sectors of a slab with each other. Sectors by id,
-- hosts, map and contracts by their unique indexes.
create or replace function slabmend.sector_causes(sector_ids bigint[])
returns table (sector_id bigint, host_id integer, cause text)
language sql stable
as $$
  select s.id, s.host_id,
    case
      when s.host_id is null then 'lost'
      when not coalesce(h.good and h.has_active_contract, false) then 'bad-host'
      when m.contract_id is not null and not coalesce(c.healthy and (c.host_id = s.host_id or ch.good), false)
        then 'bad-contract'
    end
  from public.sectors s
  left join slabmend.host_states() h on h.host_id = s.host_id
  left join public.contract_sectors_map m on m.id = s.contract_sectors_map_id
  left join slabmend.contract_states() c on c.contract_id = m.contract_id
  left join slabmend.host_states() ch on ch.host_id = c.host_id and c.host_id <> s.host_id
  where s.id = any (sector_ids)
$$;
