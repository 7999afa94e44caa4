-- The slabs that contain these sectors, by ascending sector id, then slab id; at most this many pairs, null: all of them. A
-- sector may belong to a million slabs, so a page of sectors does not limit the number of slabs. For sector after_sector + 1 only
-- slabs after after_slab are returned, because the last page may have ended in the middle of that sector's slabs.
--
-- Reads slab_sectors_sector_id_slab_id_idx, no more entries than it returns. Uses row comparisons instead of `= and >`:
-- docs/decisions/0011-leases-and-backlog.md.
create or replace function slabmend.sector_slabs(sector_ids bigint[], after_sector bigint, after_slab bigint, most integer)
returns table (sector_id bigint, slab_id bigint)
language sql stable
set enable_seqscan = off
-- A bitmap scan cannot stop early: on a table with few rows, or with pages not yet vacuumed, it would read all slabs of a sector.
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
