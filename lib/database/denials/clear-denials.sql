-- Clears the denials of sectors that their host has served as a whole, with the pinned root, after it had denied them. Three denials
-- that count make a sector bad for good: then serving it clears nothing, or a host could deny what costs it traffic and pass
-- for good in between.
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
