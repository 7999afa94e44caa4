/** Decides where to record the sectors of a slab after hosts were asked for them. Pure. */
import type { AbsentSector, LostSector } from "../../database/restore/restore-writes.ts";
import type { ScannedSector } from "../../database/restore/scanned-sectors.ts";
import type { HostId } from "../../slab/ids.ts";
import { codeOf, type PlacementPlan, type Proof } from "./decide-placements.ts";

/** The results for one sector. */
export interface Search {
  readonly sector: ScannedSector;
  /** The answer of the recorded host; null: no host is recorded. */
  readonly recorded: Proof | null;
  /** Another host that proved the sector; null: no other host did, or none was asked. */
  readonly foundAt: HostId | null;
}

export interface ScanPlan extends PlacementPlan {
  /**
   * Number of sectors that are on none of the hosts asked: the recorded host denies the sector, or none is recorded.
   */
  readonly notFound: number;
}

/**
 *   recorded host     another host     the sector
 *   proves it         (is not asked)   stays
 *   denies it, or     proves it        is recorded on the other host, like a migration, and the recorded host (if there
 *   says nothing,                      is one) is kept as an earlier location
 *   or there is none
 *   denies it         none proves it   stays, with an open denial: the next repair requests the whole sector from its
 *                                      recorded host, and rebuilds it if that fails. But if that host has just proved
 *                                      another sector of the slab, the denied sector is recorded as lost: no host may
 *                                      have two sectors of a slab
 *   says nothing      none proves it   stays; a verification asks again
 */
export function decideScan(searches: readonly Search[]): ScanPlan {
  const taken = new Set(searches.flatMap(({ foundAt }) => foundAt ?? []));
  const plan = {
    found: searches.flatMap((search) => (search.foundAt === null ? [] : [placedAt(search, search.foundAt)])),
    absent: [] as AbsentSector[],
    lost: [] as LostSector[],
    earlier: [] as AbsentSector[],
    unanswered: [] as string[],
    alreadyRight: 0,
    notFound: 0,
  };
  for (const { sector, recorded, foundAt } of searches) {
    const { root, sectorId, recordedAt } = sector;
    if (recorded === null || recordedAt === null) plan.notFound += foundAt === null ? 1 : 0;
    else if (recorded.kind === "proved") plan.alreadyRight += 1;
    else if (foundAt !== null)
      plan.earlier.push({ sectorId, root, hostId: recordedAt, code: codeOf(recorded) });
    else if (recorded.kind === "unanswered") plan.unanswered.push(recorded.code);
    else {
      plan.notFound += 1;
      const missing = { sectorId, root, hostId: recordedAt, code: recorded.code };
      if (taken.has(recordedAt)) {
        plan.lost.push({ ...missing, onlyIfTaken: true });
        plan.earlier.push(missing);
      } else plan.absent.push(missing);
    }
  }
  return plan;
}

function placedAt({ sector }: Search, newHostId: HostId) {
  const { index, root, sectorId, recordedAt } = sector;
  return { index, root, sectorId, plannedHostId: recordedAt, newHostId, how: "found" as const };
}
