-- The locks of a commit beyond slab and lease: the slab's sectors by ascending root, then hosts by ascending id. Each in a
-- statement of its own; what is decided afterwards is read in later statements, which in READ COMMITTED see everything
-- that committed before the lock was granted. `for no key update` does not stop foreign-key checks.
--
-- Hosts are locked before rule 4 is checked: two slabs that share no sector may both share one with a third. Their commits
-- meet in no sector, but sectors of the third could come to one host only if both name that host.
create or replace function slabmend.lock_for_commit(the_slab bigint, moves jsonb, denied jsonb) returns void
language plpgsql volatile
as $function$
begin
  -- All sectors of the slab, also those that stay: none of them may come to a host that we give to another.
  perform s.id
  from public.slab_sectors ss
  join public.sectors s on s.id = ss.sector_id
  where ss.slab_id = the_slab
  order by s.sector_root
  for no key update of s;

  -- New hosts, old ones whose unpinned sectors become fewer, and those whose denials may become losses: of this commit, and of an
  -- earlier one when the sector moves now.
  perform h.id
  from public.hosts h
  where h.id in (
    select (m->>'newHostId')::integer from jsonb_array_elements(moves) m
    union all
    select (r->>'hostId')::integer from jsonb_array_elements(denied) r
    union all
    select s.host_id
    from jsonb_array_elements(moves) m
    join public.sectors s on s.id = (m->>'sectorId')::bigint
    where s.contract_sectors_map_id is null or exists (
      select from slabmend.denials d where d.sector_id = s.id and d.host_id = s.host_id and d.state = 'open')
  )
  order by h.id
  for no key update;
end
$function$;
