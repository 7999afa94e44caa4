-- One page of the walk of one cause: the bad sectors behind a position, by ascending id, and the health of their slabs
-- that this pass has not seen yet. Read only: one snapshot, no row lock on anything.
--
--   request  {"cause", "generation", "position", "pageSectors", "graceMs"}
--   answer   {"sectors", "next", "slabs": slab_health, "nowMs"}   next: behind which sector the next page starts, 0 = the end
--
-- Which sectors: bad-sectors.sql. Besides its indexes: slab_sectors_sector_id_slab_id_idx; sightings_pkey.
create or replace function slabmend.walk_page(request jsonb) returns jsonb
language plpgsql stable
set enable_seqscan = off
as $function$
declare
  the_cause constant text not null := request->>'cause';
  the_generation constant bigint not null := (request->>'generation')::bigint;
  from_sector constant bigint not null := (request->>'position')::bigint;
  page_sectors constant integer not null := (request->>'pageSectors')::integer;
  grace constant interval not null := make_interval(secs => (request->>'graceMs')::double precision / 1000);
  sector_ids bigint[];
  slab_ids bigint[];
  next_sector bigint;
begin
  select b.sector_ids, b.next_sector into sector_ids, next_sector
  from slabmend.bad_sectors(the_cause, from_sector, page_sectors) b;

  select array_agg(distinct ss.slab_id) into slab_ids
  from unnest(sector_ids) x (id)
  cross join lateral (select y.slab_id from public.slab_sectors y where y.sector_id = x.id offset 0) ss
  where not exists (
      select from slabmend.sightings g
      where g.cause = the_cause and g.slab_id = ss.slab_id and g.generation = the_generation);

  return jsonb_build_object('sectors', coalesce(cardinality(sector_ids), 0), 'next', coalesce(next_sector, 0)::text,
    'slabs', slabmend.slab_health(slab_ids, grace), 'nowMs', extract(epoch from clock_timestamp()) * 1000);
end
$function$;
