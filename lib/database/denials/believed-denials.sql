-- The open denials of a slab that this commit turns into losses, as reports for record_lost: [{"sectorId", "root",
-- "hostId"}].
--
--   decided   the result of judge_moves: the moves without a "why" are of sectors that are now stored elsewhere. Such a
--             sector counts as lost if the denying host serves other sectors ("othersServed" in reports), or if the
--             sector was denied three times, at least an hour apart. Otherwise the host may have lost its index for a
--             while, and the sector's move is an ordinary one
--   reports   the reports of record_denials in this commit. If a report says that a whole sector was requested and
--             denied, at least 6 h after the sector's first such denial, the sector counts as lost too, even if it was
--             not moved
--
-- Denials by a suspected host are never included. The caller holds the locks of lock_for_commit.
create or replace function slabmend.believed_denials(the_slab bigint, decided jsonb, reports jsonb) returns jsonb
language plpgsql volatile
as $function$
declare
  believed jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object('sectorId', d.sector_id, 'root', encode(d.root, 'hex'), 'hostId', d.host_id)), '[]')
  into believed
  from public.slab_sectors ss
  cross join lateral (select x.* from slabmend.open_denials() x where x.sector_id = ss.sector_id offset 0) d
  where ss.slab_id = the_slab and (
    exists (
      select from jsonb_to_recordset(decided) as m (sector_id bigint, why text) where m.sector_id = d.sector_id and m.why is null)
    and (d.denials >= 3 or exists (
      select from jsonb_array_elements(reports) r
      where (r->>'sectorId')::bigint = d.sector_id and (r->>'hostId')::integer = d.host_id and (r->>'othersServed')::boolean))
    or d.whole_denied_at <= clock_timestamp() - interval '6 hours' and exists (
      select from jsonb_array_elements(reports) r
      where (r->>'sectorId')::bigint = d.sector_id and (r->>'hostId')::integer = d.host_id and (r->>'whole')::boolean)
  );
  if believed = '[]' then return believed; end if;
  select coalesce(jsonb_agg(b), '[]') into believed
  from jsonb_array_elements(believed) b
  where (b->>'hostId')::integer not in (
    select s.host_id from slabmend.suspected_hosts(array(
      select distinct (r->>'hostId')::integer from jsonb_array_elements(believed) r)) s);
  return believed;
end
$function$;
