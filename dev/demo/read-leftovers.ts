/** What is not healthy when the fleet has done all it can, and why: no such sector goes unexplained. */
import type { ISql } from "postgres";
import type { SlabId } from "../../lib/slab/ids.ts";
import { parseSlabId } from "../../lib/slab/ids.ts";
import { slabsWithDestination } from "./watch-repairs.ts";

export interface Leftovers {
  /** Sectors that indexd's rule would move and no host may take: each good host has one of that slab already. */
  readonly withoutDestination: number;
  /** Sectors that some host could take. */
  readonly withDestination: number;
  readonly goodHosts: number;
}

/** Of all slabs, also what was not part of the damage. */
export async function readLeftovers(sql: ISql, minHostDistanceKm: number): Promise<Leftovers> {
  const rows = await sql<{ slab_id: string; sectors: number }[]>`
    select m.slab_id::text, count(*)::integer as sectors
    from slabmend.sectors_to_move(array(select id from slabs)) m group by m.slab_id`;
  const [hosts] = await sql<{ good: number }[]>`
    select count(*)::integer as good from slabmend.host_states() where good and has_append_contract`;
  const left = new Map<SlabId, number>(rows.map(({ slab_id, sectors }) => [parseSlabId(slab_id), sectors]));
  const reachable = new Set(await slabsWithDestination(sql, [...left.keys()], minHostDistanceKm));
  let withDestination = 0;
  let withoutDestination = 0;
  for (const [slabId, sectors] of left) {
    if (reachable.has(slabId)) withDestination += sectors;
    else withoutDestination += sectors;
  }
  return { withDestination, withoutDestination, goodHosts: hosts!.good };
}
