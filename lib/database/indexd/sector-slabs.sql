-- The slabs that contain these sectors, as pairs by ascending sector id, then slab id; at most `most` pairs, null: all.
-- A limit on the sectors does not limit the pairs, because a sector may belong to a million slabs. The page before this
-- one may have ended in the middle of a sector's slabs. So of the slabs of sector after_sector + 1, only those with an
-- id above after_slab are returned.
--
-- Reads no more entries of slab_sectors_sector_id_slab_id_idx than it returns. Why it uses row comparisons instead of
-- `= and >`: docs/decisions/0011-leases-and-backlog.md.
create or replace function slabmend.sector_slabs(sector_ids bigint[], after_sector bigint, after_slab bigint, most integer)
returns table (sector_id bigint, slab_id bigint)
language sql stable
set enable_seqscan = off
-- A bitmap scan cannot stop early: on a table with few rows, or with pages not yet vacuumed, it would read all slabs of
-- a sector.
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
