-- The locks that a commit takes in addition to those of the slab and its lease: the slab's sectors by ascending root,
-- then hosts by ascending id. Sectors and hosts are locked in separate statements. The commit decides in later
-- statements: in READ COMMITTED, these see everything that was committed before the locks were granted. `for no key
-- update` does not block foreign-key checks.
--
-- Hosts are locked before rule 4 (no host has two sectors of a slab) is checked, because two slabs that share no sector
-- may each share one with a third slab. If the commits of the first two slabs moved these shared sectors to the same
-- host, that host would have two sectors of the third slab.
create or replace function slabmend.lock_for_commit(the_slab bigint, moves jsonb, denied jsonb) returns void
language plpgsql volatile
as $function$
begin
  -- All sectors of the slab are locked, including those that stay: no other commit may move one of them to a host that
  -- receives a sector in this commit.
  perform s.id
  from public.slab_sectors ss
  join public.sectors s on s.id = ss.sector_id
  where ss.slab_id = the_slab
  order by s.sector_root
  for no key update of s;

  -- The hosts to lock are the new hosts; the old hosts of unpinned sectors that move; and hosts whose denials may
  -- become losses: those that denied a sector in this commit, and those with an open denial of a sector that moves now.
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
