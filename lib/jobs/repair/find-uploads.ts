/**
 * The first phase: finds shards that an earlier repair of the slab stored but could not commit. Each host must prove a
 * leaf that we choose, against the pinned root, as in indexd's own integrity check: the traffic is 1/1,024 of an
 * upload's. One leaf is enough, because the host had acknowledged the whole sector to the earlier worker.
 *
 * A host that does not prove the leaf is not blamed, because no table of indexd says that this host has the sector. The
 * host stays a candidate.
 */

import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import type { Upload } from "../../database/leases/uploads.ts";
import type { PlannedMove } from "../../placement/plan-repair.ts";
import { LEAF_BYTES } from "../../slab/sizes.ts";
import type { MoveState } from "./move-state.ts";
import { proveLeaf } from "./prove-leaf.ts";

/**
 * Time for a connection and a few round trips; if a host is slower, it is better to store the shard again, on this host
 * or another.
 */
const PROOF_MS = 10_000;

/**
 * Removes from the wanted moves those whose shard is already on a host of an earlier upload. A host's failure throws
 * nothing.
 */
export async function findUploads(state: MoveState, uploads: readonly Upload[]): Promise<void> {
  const asked = [...state.wanted].flatMap((move) =>
    uploads
      .filter(({ sectorId }) => sectorId === move.sector.sectorId)
      .flatMap(({ hostId }) => state.plan.candidates.filter(({ id }) => id === hostId))
      .map((host) => ({ move, host })),
  );
  const proofs = await Promise.allSettled(asked.map(({ move, host }) => provesLeaf(state, move, host)));
  for (const [at, proof] of proofs.entries()) {
    if (proof.status === "rejected") throw proof.reason;
    const { move, host } = asked[at]!;
    if (proof.value && state.wanted.has(move) && state.store.adopt(move, host)) state.wanted.delete(move);
  }
}

async function provesLeaf(
  { deps, limits, meter, cost }: MoveState,
  { sector }: PlannedMove,
  host: NetworkHost,
): Promise<boolean> {
  const terms = {
    signal: limits.signal,
    deadlineMs: PROOF_MS,
    reserve: cost.reserve,
    onCharged: cost.charge,
  };
  const answer = await proveLeaf(deps, { root: sector.root, host }, terms);
  if (answer.kind === "confirmed" || answer.kind === "wrong-data") meter.bytesRead += LEAF_BYTES;
  if (answer.kind === "confirmed") return true;
  deps.logger.info({ answer, host: host.hostKey }, "an upload of an earlier repair was not found");
  return false;
}
