/**
 * Counts the sectors that are still unhealthy when the fleet is done: those that some host may take, and those that no
 * host may take.
 */
import type { ISql } from "postgres";
import type { SlabId } from "../../lib/slab/ids.ts";
import { parseSlabId } from "../../lib/slab/ids.ts";
import { slabsWithDestination } from "./watch-repairs.ts";

export interface Leftovers {
  /**
   * Sectors that must move but that no host may take, for example because each good host already has a sector of the
   * slab.
   */
  readonly withoutDestination: number;
  /** Sectors that must move and that some good host may take. */
  readonly withDestination: number;
  readonly goodHosts: number;
}

/** Considers all slabs, so it also counts sectors that the demo did not damage. */
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
