-- One page of the walk of one cause: reads the bad sectors after a position, by ascending id, and the health of their
-- slabs, without the slabs that this pass has already seen. Read only: one snapshot, no row locks.
--
--   request  {"cause", "pass", "position", "slabPosition", "pageSectors", "maxSlabs", "judged", "graceMs"}
--            slabPosition: of the first sector after position, the slabs up to this id are already done; 0: none
--            maxSlabs: the page ends after this many slabs that this pass has not seen, or after 4 times as many pairs
--              of a sector and a slab; null: no limit
--            judged: false: reading the slabs' health takes too long, so only their ids are read
--   answer   {"sectors", "next", "nextSlab", "slabs": slab_health, "slabIds", "nowMs"}
--            sectors: how many bad sectors this page completes: no later page has slabs of these sectors
--            next, nextSlab: the position of the next page; both are 0 after the last page
--
-- bad-sectors.sql says which sectors are read, and by which indexes. The slabs of these sectors are read by
-- slab_sectors_sector_id_slab_id_idx, and their marks by marks_pkey.
create or replace function slabmend.walk_page(request jsonb) returns jsonb
language plpgsql stable
set enable_seqscan = off
as $function$
declare
  the_cause constant text not null := request->>'cause';
  the_pass constant bigint not null := (request->>'pass')::bigint;
  from_sector constant bigint not null := (request->>'position')::bigint;
  from_slab constant bigint not null := coalesce((request->>'slabPosition')::bigint, 0);
  page_sectors constant integer not null := (request->>'pageSectors')::integer;
  most_slabs constant integer := (request->>'maxSlabs')::integer;
  -- This limit also counts slabs that this pass has seen, because each costs a look-up in marks.
  most_pairs constant integer := 4 * most_slabs;
  grace constant interval not null := make_interval(secs => (request->>'graceMs')::double precision / 1000);
  is_judged constant boolean not null := coalesce((request->>'judged')::boolean, true);
  sector_ids bigint[];
  next_sector bigint;
  next_slab bigint := 0;
  page record;
begin
  select b.sector_ids, coalesce(b.next_sector, 0) into sector_ids, next_sector
  from slabmend.bad_sectors(the_cause, from_sector, page_sectors) b;

  with pair as materialized (
    select p.sector_id, p.slab_id, row_number() over (order by p.sector_id, p.slab_id) as place,
      row_number() over (partition by p.slab_id order by p.sector_id) = 1 and not exists (
        select from slabmend.marks m
        where m.cause = the_cause and m.slab_id = p.slab_id and m.pass = the_pass) as is_new
    from slabmend.sector_slabs(sector_ids, from_sector, from_slab, most_pairs) p
  ), counted as (
    select p.*, count(*) filter (where p.is_new) over (order by p.place) as news from pair p
  ), kept as (
    select c.* from counted c where most_slabs is null or c.news <= most_slabs
  )
  select array_agg(k.slab_id order by k.place) filter (where k.is_new) as slab_ids,
    count(*) < (select count(*) from pair) or count(*) = most_pairs as is_cut,
    (array_agg(k.sector_id order by k.place desc))[1] as last_sector,
    (array_agg(k.slab_id order by k.place desc))[1] as last_slab
  into page
  from kept k;

  if page.is_cut then
    next_sector := page.last_sector - 1;
    next_slab := page.last_slab;
    sector_ids := array(select x.id from unnest(sector_ids) x (id) where x.id < page.last_sector);
  end if;

  return jsonb_build_object('sectors', coalesce(cardinality(sector_ids), 0),
    'next', next_sector::text, 'nextSlab', next_slab::text,
    'slabs', case when is_judged then slabmend.slab_health(page.slab_ids, grace) else '[]'::jsonb end,
    'slabIds', coalesce(to_jsonb(page.slab_ids::text[]), '[]'), 'nowMs', extract(epoch from clock_timestamp()) * 1000);
end
$function$;
