import type { ISql } from "postgres";
import { type HostId, parseRoot, type Root } from "../../slab/ids.ts";

/** The number of sectors drawn for each host; the host must serve most of them. */
const DRAWN = 3;
/** Rows that each of the two searches reads at most: a host with only young sectors would otherwise be read in full. */
const LOOKED_AT = 16;
/** Younger sectors are not drawn: a sector stored after the host lost its index proves nothing. */
const YOUNG_MINUTES = 30;

/**
 * Draws a few sectors of each of these hosts, from a random root on: sectors that the host should have had for a while
 * and has not denied. A host without such sectors is absent from the result.
 *
 * Reads only; indexes: sectors (host_id, sector_root), denials by primary key.
 */
export async function drawOtherSectors(
  sql: ISql,
  hostIds: readonly HostId[],
): Promise<ReadonlyMap<HostId, readonly Root[]>> {
  const rows = await sql<{ host_id: HostId; roots: string[] }[]>`
    with host as materialized (
      select h.id, uuid_send(gen_random_uuid()) as start from unnest(${`{${hostIds.join(",")}}`}::text::integer[]) as h (id)
    )
    select h.id as host_id, jsonb_agg(encode(d.sector_root, 'hex')) as roots
    from host h
    cross join lateral (
      select s.sector_root
      from (
        (select x.id, x.sector_root, x.uploaded_at from public.sectors x
          where x.host_id = h.id and x.sector_root >= h.start order by x.sector_root limit ${LOOKED_AT}::integer)
        union
        (select x.id, x.sector_root, x.uploaded_at from public.sectors x
          where x.host_id = h.id order by x.sector_root limit ${LOOKED_AT}::integer)
      ) s
      where s.uploaded_at < clock_timestamp() - make_interval(mins => ${YOUNG_MINUTES}::integer)
        and not exists (select from slabmend.denials n where n.sector_id = s.id and n.host_id = h.id)
      -- Roots after the random one come first.
      order by s.sector_root < h.start, s.sector_root
      limit ${DRAWN}::integer
    ) d
    group by h.id`;
  return new Map(rows.map(({ host_id, roots }) => [host_id, roots.map((root) => parseRoot(root))]));
}
