/** Where the sectors of a slab are to be recorded, by what hosts have proved. Pure. */
import type { AbsentSector, FoundSector, Placements } from "../../database/restore/restore-writes.ts";
import type { NamedSector } from "../../database/restore/restored-moves.ts";
import type { HostId } from "../../slab/ids.ts";

export type Proof =
  | { readonly kind: "proved" }
  | { readonly kind: "denied"; readonly code: "not-found" | "corrupt" }
  /** Nothing was learned. */
  | { readonly kind: "unanswered"; readonly code: string };

export interface PlacementPlan extends Placements {
  readonly alreadyRight: number;
  /** Codes of those of which nothing was learned. */
  readonly unanswered: readonly string[];
}

/**
 * The archive's place wins even if the old host still serves: indexd would prune it there. When that host cannot prove the sector, it
 * stays where the database has it, and is denied there if that host says so; the archive's host is remembered as an earlier place.
 *
 * @param proofOf what a host said of a sector; asked for the archive's host first, and for the recorded one only if that failed
 */
export function decidePlacements(
  sectors: readonly NamedSector[],
  proofOf: (sector: NamedSector, host: HostId) => Proof,
): PlacementPlan {
  const found: FoundSector[] = [];
  const absent: AbsentSector[] = [];
  const earlier: AbsentSector[] = [];
  const unanswered: string[] = [];
  let alreadyRight = 0;
  for (const sector of sectors) {
    const { index, root, sectorId, recordedAt, archivedAt } = sector;
    if (archivedAt !== null && archivedAt === recordedAt) {
      alreadyRight += 1;
      continue;
    }
    if (archivedAt !== null) {
      const proof = proofOf(sector, archivedAt);
      if (proof.kind === "proved") {
        found.push({ index, root, sectorId, plannedHostId: recordedAt, newHostId: archivedAt, how: "found" });
        continue;
      }
      // It may be there all the same: a repair that finds too few sources looks at earlier places.
      const code = proof.kind === "denied" ? proof.code : "not-found";
      earlier.push({ sectorId, root, hostId: archivedAt, code });
    }
    if (recordedAt === null) {
      unanswered.push("no-host");
      continue;
    }
    const proof = proofOf(sector, recordedAt);
    if (proof.kind === "proved") alreadyRight += 1;
    else if (proof.kind === "denied") absent.push({ sectorId, root, hostId: recordedAt, code: proof.code });
    else unanswered.push(proof.code);
  }
  return { found, absent, earlier, alreadyRight, unanswered };
}
