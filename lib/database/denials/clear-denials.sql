-- Clears the denials of sectors that their host has since served as a whole, with the pinned root. After three counted denials a
-- sector stays bad even if it is served: otherwise a host could deny sectors whose traffic costs it money and still count as good
-- in between.
--
--   served   [{"sectorId", "hostId"}]
--
-- The caller holds the locks of lock_for_commit.
create or replace function slabmend.clear_denials(the_slab bigint, served jsonb) returns integer
language plpgsql volatile
as $function$
declare
  cleared integer;
begin
  delete from slabmend.denials d
  using jsonb_array_elements(served) r
  join public.slab_sectors ss on ss.slab_id = the_slab and ss.sector_id = (r->>'sectorId')::bigint
  where d.sector_id = ss.sector_id and d.host_id = (r->>'hostId')::integer and d.state = 'open' and d.denials < 3;
  get diagnostics cleared = row_count;
  return cleared;
end
$function$;
