-- Which slabs these sectors are part of, by ascending sector id, then slab id, at most so many pairs; null: all of them. A sector
-- may be part of a million slabs, so a page of sectors is no bound on its slabs. Of sector after_sector + 1 those slabs are
-- left out that are not behind after_slab: where the last page ended in the middle of it.
--
-- Reads slab_sectors_sector_id_slab_id_idx, no more entries than it returns. By rows, not by `= and >`:
-- docs/decisions/0011-leases-and-backlog.md.
create or replace function slabmend.sector_slabs(sector_ids bigint[], after_sector bigint, after_slab bigint, most integer)
returns table (sector_id bigint, slab_id bigint)
language sql stable
set enable_seqscan = off
-- A bitmap has no end: of a table of few rows, or of pages that no vacuum has seen, it would read all slabs of a sector.
set enable_bitmapscan = off
as $$
  select x.id, ss.slab_id
  from (select u.id from unnest(sector_ids) u (id) order by u.id) x
  cross join lateral (
    select y.slab_id from public.slab_sectors y
    where (y.sector_id, y.slab_id) > (x.id, case when x.id = after_sector + 1 then after_slab else 0 end)
      and (y.sector_id, y.slab_id) <= (x.id, 9223372036854775807)
    order by y.sector_id, y.slab_id limit most
  ) ss
  order by x.id, ss.slab_id
  limit most
$$;
