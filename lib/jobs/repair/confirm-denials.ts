/**
 * Before the commit: decides which denied sectors, now stored elsewhere, count as lost. A host whose whole index is
 * missing for some minutes sends the same denial as a host that has lost only this sector. So the host is asked for
 * other sectors that it should have, and then for the denied sector again:
 *
 *   denied (in the repair) --most others served--> --denied again--> this sector is gone, the others are not
 *
 * Any other sequence of answers proves nothing: the move is then recorded without a loss
 * (lib/database/denials/believed-denials.sql). The denied sector is requested last: if the host has recovered
 * meanwhile, it serves this sector too. A denial costs nothing, and a leaf almost nothing.
 */
import type { NetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { DenialReport } from "../../database/leases/commit-repair.ts";
import type { Root } from "../../slab/ids.ts";
import { LEAF_BYTES } from "../../slab/sizes.ts";
import type { MoveState } from "./move-state.ts";
import { type LeafAnswer, proveLeaf } from "./prove-leaf.ts";

/** Time limit of each request. It is short, because the host has just answered: the connection is open already. */
const PROOF_MS = 5_000;

/** Records the proven losses in `answers`. Never throws: without an answer nothing is proven. */
export async function confirmDenials(state: MoveState, network: NetworkSnapshot): Promise<void> {
  const { answers, store, deps, limits } = state;
  const moved = new Set(store.stored.map(({ move }) => move.sector.sectorId));
  const denied = answers.denied.filter(({ sectorId }) => moved.has(sectorId));
  if (denied.length === 0 || answers.manyDeny || limits.signal.aborted) return;
  try {
    const others = await deps.store.drawOtherSectors(denied.map(({ hostId }) => hostId));
    const isGone = async (denial: DenialReport): Promise<void> => {
      const roots = others.get(denial.hostId);
      if (roots !== undefined && (await isOnlyThisGone(state, network, denial, roots))) {
        answers.servesOthers(denial);
      }
    };
    await Promise.all(denied.map(isGone));
  } catch (error) {
    deps.logger.warn({ error }, "could not confirm whether denied sectors are lost");
  }
}

async function isOnlyThisGone(
  { deps, limits, cost, meter }: MoveState,
  { hosts }: NetworkSnapshot,
  { hostId, root }: DenialReport,
  others: readonly Root[],
): Promise<boolean> {
  const host = hosts.get(hostId);
  if (host === undefined) return false;
  const terms = {
    signal: limits.signal,
    deadlineMs: PROOF_MS,
    reserve: cost.reserve,
    onCharged: cost.charge,
  };
  const ask = async (asked: Root): Promise<LeafAnswer["kind"]> => {
    const { kind } = await proveLeaf(deps, { root: asked, host }, terms);
    if (kind === "confirmed" || kind === "wrong-data") meter.bytesRead += LEAF_BYTES;
    return kind;
  };
  const answered = await Promise.all(others.map(ask));
  // The host must prove most of the other sectors, not all: a host with few sectors may have lost more than one.
  const served = answered.filter((kind) => kind === "confirmed").length;
  return 2 * served > others.length && (await ask(root)) === "denied";
}
