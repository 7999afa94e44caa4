import type { Root } from "../../lib/slab/ids.ts";
import { LEAF_BYTES } from "../../lib/slab/sizes.ts";
import type { HostState } from "./host-state.ts";
import { choiceIncludes } from "./host-switches.ts";
import { INTERNAL_ERROR, Refused, SECTOR_CORRUPT, SECTOR_NOT_FOUND } from "./refusals.ts";
import { piecesAround, rangeProof } from "./sector-tree.ts";

export interface ProvenData {
  readonly data: Uint8Array;
  readonly proof: Uint8Array[];
}

/**
 * Refuses the request if the host does not have the sector. This check comes before the debit, so it costs the client
 * nothing.
 */
export function requireSector(host: HostState, root: Root): void {
  if (choiceIncludes(host.switches.current.losesSectors, root) || !host.sectors.has(root)) {
    throw new Refused(SECTOR_NOT_FOUND);
  }
}

/** Reads a range of a sector and builds its proof, with the faults that the switches demand. Runs after the debit. */
export async function proveRange(
  host: HostState,
  root: Root,
  offset: number,
  length: number,
): Promise<ProvenData> {
  const { current: switches } = host.switches;
  if (choiceIncludes(switches.findsSectorsCorrupt, root)) throw new Refused(SECTOR_CORRUPT);
  // A real host checks that a range ends on a leaf boundary, but not that it begins on one. If the range begins
  // elsewhere, the host's store fails later, with an internal error.
  if (offset % LEAF_BYTES !== 0 || length % LEAF_BYTES !== 0) throw new Refused(INTERNAL_ERROR);

  const { start, end } = piecesAround(offset, length);
  const tree = switches.servesOtherSector ? host.decoy().tree : host.sectors.treeOf(root);
  const bytes = switches.servesOtherSector
    ? host.decoy().read(start, end)
    : await host.sectors.readRange(root, start, end);
  if (tree === undefined || bytes === undefined) throw new Refused(SECTOR_NOT_FOUND);

  const proof = rangeProof(host.hasher, tree, { start, bytes }, offset, length);
  const data = bytes.subarray(offset - start, offset - start + length);
  if (switches.corruptsData) flipBit(data, length >> 1);
  return { data, proof: switches.sendsWrongProofs ? spoiled(proof) : proof };
}

function flipBit(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
}

/**
 * Makes a proof invalid. The proof of a whole sector has no hash that could be changed, so a superfluous hash is added.
 */
function spoiled(proof: readonly Uint8Array[]): Uint8Array[] {
  const hashes = proof.map((hash) => hash.slice());
  if (hashes[0] === undefined) return [new Uint8Array(32)];
  flipBit(hashes[0], 0);
  return hashes;
}
