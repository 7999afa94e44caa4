-- Unpins sectors of a contract that has no known successor, as indexd does when it deletes a contract: the sectors stay
-- on their host, and indexd pins them to another contract with that host. While they are unpinned, indexd prunes none
-- of them. An open denial is bound to its sector's map row and upload time, so it gets the new values too and stays
-- open.
--
--   most    the maximum number of sectors to unpin
--   answer  the number of unpinned sectors; if it is below `most`, the contract has no sectors left
create or replace function slabmend.unpin_contract(the_run bigint, the_token uuid, the_contract bytea, most integer)
returns integer
language plpgsql volatile
as $function$
declare
  the_host integer;
  unpinned integer;
begin
  perform slabmend.hold_indexd(array['sectors', 'hosts', 'stats_deltas']);
  perform slabmend.hold_run(the_run, the_token);
  select c.host_id into the_host from public.contracts c where c.contract_id = the_contract;
  with page as materialized (
    select s.id, s.contract_sectors_map_id as map_before, s.uploaded_at as uploaded_before
    from public.contract_sectors_map m
    join public.sectors s on s.contract_sectors_map_id = m.id
    where m.contract_id = the_contract
    order by s.sector_root limit most
    for no key update of s
  ), done as (
    update public.sectors s set contract_sectors_map_id = null, uploaded_at = clock_timestamp()
    from page p where s.id = p.id
    returning s.id, s.host_id, s.uploaded_at, p.map_before, p.uploaded_before
  ), moved_along as (
    update slabmend.denials d set map_id = null, uploaded_at = n.uploaded_at
    from done n
    where d.sector_id = n.id and d.host_id = n.host_id and d.state = 'open' and d.map_id = n.map_before
      and d.uploaded_at = n.uploaded_before
  )
  select count(*) into unpinned from done;
  if unpinned > 0 then
    update public.hosts h set unpinned_sectors = h.unpinned_sectors + unpinned where h.id = the_host;
    insert into public.stats_deltas (stat_name, stat_delta)
    values ('num_pinned_sectors', - unpinned), ('num_unpinned_sectors', unpinned);
  end if;
  return unpinned;
end
$function$;
