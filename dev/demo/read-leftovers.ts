/** Sectors that are unhealthy when the fleet is done, and why. */
import type { ISql } from "postgres";
import type { SlabId } from "../../lib/slab/ids.ts";
import { parseSlabId } from "../../lib/slab/ids.ts";
import { slabsWithDestination } from "./watch-repairs.ts";

export interface Leftovers {
  /** Sectors that must move but no host may take, because each good host already has a sector of that slab. */
  readonly withoutDestination: number;
  /** Sectors that a host could take. */
  readonly withDestination: number;
  readonly goodHosts: number;
}

/** Considers all slabs, including sectors outside the damage. */
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
