-- Clears the denials of sectors that their host has since served as a whole, with the pinned root. After three counted
-- denials a sector stays bad even if it is served. Otherwise a host could deny a sector again and again because its
-- traffic costs the host money, serve it now and then, and each time have its denials cleared.
--
-- A denial that another repair or a check has recorded since this repair began stays: the host may have served the
-- sector first and denied it later. If the host still has the sector, the next repair clears the denial.
--
--   served    [{"sectorId", "hostId"}]
--   began_at  when this repair began
--
-- The caller holds the locks of lock_for_commit.
create or replace function slabmend.clear_denials(the_slab bigint, served jsonb, began_at timestamptz) returns integer
language plpgsql volatile
as $function$
declare
  cleared integer;
begin
  delete from slabmend.denials d
  using jsonb_array_elements(served) r
  join public.slab_sectors ss on ss.slab_id = the_slab and ss.sector_id = (r->>'sectorId')::bigint
  where d.sector_id = ss.sector_id and d.host_id = (r->>'hostId')::integer and d.state = 'open' and d.denials < 3
    -- If the time lies in the future, the clock was set back after the denial.
    and (d.last_denied_at <= began_at or d.last_denied_at > clock_timestamp());
  get diagnostics cleared = row_count;
  return cleared;
end
$function$;
