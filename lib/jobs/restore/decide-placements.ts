/** Decides where to record the sectors of a slab, from the hosts' proofs. Pure. */
import type {
  AbsentSector,
  FoundSector,
  LostSector,
  Placements,
} from "../../database/restore/restore-writes.ts";
import type { NamedSector } from "../../database/restore/restored-moves.ts";
import type { HostId } from "../../slab/ids.ts";
import type { LeafAnswer } from "../repair/prove-leaf.ts";

export type Proof =
  | { readonly kind: "proved" }
  | { readonly kind: "denied"; readonly code: "not-found" | "corrupt" }
  /** Nothing was learned. */
  | { readonly kind: "unanswered"; readonly code: string };

/** A host that sends data contradicting its own proof counts as denying the sector. */
export function proofFrom(answer: LeafAnswer): Proof {
  if (answer.kind === "confirmed") return { kind: "proved" };
  if (answer.kind === "wrong-data") return { kind: "denied", code: "corrupt" };
  return answer;
}

export interface PlacementPlan extends Placements {
  readonly alreadyRight: number;
  /** For each sector about which nothing was learned, the code of the host's failure. */
  readonly unanswered: readonly string[];
}

/**
 * If the archive's host proves a sector, the sector is recorded there, even if the recorded host still serves it:
 * indexd would prune the recorded host's copy. If the archive's host cannot prove the sector:
 *
 *   the recorded host proves it     the sector stays, and the archive's host is kept as an earlier location
 *   the recorded host is silent     the same
 *   the recorded host denies it,    the sector is recorded on the archive's host, as before the loss of the database,
 *   or there is none                with an open denial: the next repair requests the whole sector from that host, and
 *                                   rebuilds it if that fails
 *
 * A sector that is lost according to the archive is recorded as lost again if its host still denies it. It must not
 * stay recorded on that host: another sector of the slab may have moved there since, and no host may have two sectors
 * of a slab.
 *
 * @param proofOf a host's answer for a sector; called for the archive's host first, and then for the recorded host if
 * the archive's host does not prove the sector
 */
export function decidePlacements(
  sectors: readonly NamedSector[],
  proofOf: (sector: NamedSector, host: HostId) => Proof,
): PlacementPlan {
  const plan = {
    found: [] as FoundSector[],
    absent: [] as AbsentSector[],
    lost: [] as LostSector[],
    earlier: [] as AbsentSector[],
    unanswered: [] as string[],
    alreadyRight: 0,
  };
  for (const sector of sectors) {
    const { recordedAt, archivedAt } = sector;
    if (archivedAt !== null && archivedAt === recordedAt) plan.alreadyRight += 1;
    else if (archivedAt === null) placeLost(sector, proofOf, plan);
    else placeMoved(sector, archivedAt, proofOf, plan);
  }
  return plan;
}

interface Growing {
  readonly found: FoundSector[];
  readonly absent: AbsentSector[];
  readonly lost: LostSector[];
  readonly earlier: AbsentSector[];
  readonly unanswered: string[];
  alreadyRight: number;
}

type ProofOf = Parameters<typeof decidePlacements>[1];

function placeMoved(sector: NamedSector, archivedAt: HostId, proofOf: ProofOf, plan: Growing): void {
  const { index, root, sectorId, recordedAt } = sector;
  const there: FoundSector = {
    index,
    root,
    sectorId,
    plannedHostId: recordedAt,
    newHostId: archivedAt,
    how: "found",
  };
  const proof = proofOf(sector, archivedAt);
  if (proof.kind === "proved") {
    plan.found.push(there);
    return;
  }
  const missing = { sectorId, root, hostId: archivedAt, code: codeOf(proof) };
  const old = recordedAt === null ? undefined : proofOf(sector, recordedAt);
  if (old === undefined || old.kind === "denied") {
    plan.found.push(there);
    plan.absent.push(missing);
    return;
  }
  plan.earlier.push(missing);
  if (old.kind === "proved") plan.alreadyRight += 1;
  else plan.unanswered.push(old.code);
}

function placeLost(sector: NamedSector, proofOf: ProofOf, plan: Growing): void {
  const { root, sectorId, recordedAt, wasLost } = sector;
  if (recordedAt === null) {
    plan.alreadyRight += 1;
    return;
  }
  const proof = proofOf(sector, recordedAt);
  if (proof.kind === "proved") plan.alreadyRight += 1;
  else if (proof.kind === "unanswered") plan.unanswered.push(proof.code);
  else (wasLost ? plan.lost : plan.absent).push({ sectorId, root, hostId: recordedAt, code: proof.code });
}

/** A silent host is recorded as if it had denied the sector: the next repair asks it again, for the whole sector. */
export const codeOf = (proof: Exclude<Proof, { kind: "proved" }>): AbsentSector["code"] =>
  proof.kind === "denied" ? proof.code : "not-found";
