/** Decides where to record the sectors of a slab after hosts were asked for them. Pure. */
import type { AbsentSector } from "../../database/restore/restore-writes.ts";
import type { ScannedSector } from "../../database/restore/scanned-sectors.ts";
import type { HostId } from "../../slab/ids.ts";
import type { PlacementPlan, Proof } from "./decide-placements.ts";

/** The results for one sector. */
export interface Search {
  readonly sector: ScannedSector;
  /** The answer of the recorded host; null: none is recorded. */
  readonly recorded: Proof | null;
  /** Another host that proved it; null: none did, or none was asked. */
  readonly foundAt: HostId | null;
}

export interface ScanPlan extends PlacementPlan {
  /** Sectors that no asked host has, and that the recorded host denies, if there is one. */
  readonly notFound: number;
}

/**
 *   recorded host     another host     the sector
 *   proves it         (is not asked)   stays
 *   denies it, or     proves it        is recorded there, as a migration
 *   says nothing,
 *   or there is none
 *   denies it         none             stays, with an open denial: the next repair asks there for all of it, and rebuilds it
 *                                      if that fails. If its host has just proved another sector of the slab, this one is
 *                                      lost, because no host may have two
 *   says nothing      none             stays; a verification asks again
 */
export function decideScan(searches: readonly Search[]): ScanPlan {
  const taken = new Set(searches.flatMap(({ foundAt }) => foundAt ?? []));
  const plan = {
    found: searches.flatMap((search) => (search.foundAt === null ? [] : [placedAt(search, search.foundAt)])),
    absent: [] as AbsentSector[],
    lost: [] as AbsentSector[],
    earlier: [],
    unanswered: [] as string[],
    alreadyRight: 0,
    notFound: 0,
  };
  for (const { sector, recorded, foundAt } of searches) {
    if (foundAt !== null) continue;
    const { root, sectorId, recordedAt } = sector;
    if (recorded === null || recordedAt === null) plan.notFound += 1;
    else if (recorded.kind === "proved") plan.alreadyRight += 1;
    else if (recorded.kind === "unanswered") plan.unanswered.push(recorded.code);
    else {
      plan.notFound += 1;
      const missing = { sectorId, root, hostId: recordedAt, code: recorded.code };
      (taken.has(recordedAt) ? plan.lost : plan.absent).push(missing);
    }
  }
  return plan;
}

function placedAt({ sector }: Search, newHostId: HostId) {
  const { index, root, sectorId, recordedAt } = sector;
  return { index, root, sectorId, plannedHostId: recordedAt, newHostId, how: "found" as const };
}
