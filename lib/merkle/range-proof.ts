import { LEAF_BYTES, LEAVES_PER_SECTOR } from "../slab/sizes.ts";
import type { MerkleHasher } from "./merkle-hasher.ts";

const HASH_BYTES = 32;

/** Consecutive leaves of a sector: from leaf `start` up to, but not including, leaf `end`. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** Number of hashes in the proof of a range. A proof with a different number of hashes is invalid. */
export function rangeProofLength(range: LeafRange): number {
  let hashes = 0;
  forEachSubtree(0, range.start, () => hashes++);
  forEachSubtree(range.end, LEAVES_PER_SECTOR, () => hashes++);
  return hashes;
}

/** The roots of the largest subtrees outside `range`, from left to right: the proof that a host sends with a range. */
export function buildRangeProof(hasher: MerkleHasher, sector: Uint8Array, range: LeafRange): Uint8Array[] {
  const proof: Uint8Array[] = [];
  const addRoot = (first: number, leaves: number) => {
    proof.push(hasher.subtreeRoot(leavesOf(sector, first, leaves)));
  };
  forEachSubtree(0, range.start, addRoot);
  forEachSubtree(range.end, LEAVES_PER_SECTOR, addRoot);
  return proof;
}

/** The sector root that `data` and `proof` imply, or undefined if the data or the proof has the wrong size. */
export function rootFromRangeProof(
  hasher: MerkleHasher,
  range: LeafRange,
  data: Uint8Array,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  if (data.length !== (range.end - range.start) * LEAF_BYTES) return undefined;
  if (proof.length !== rangeProofLength(range)) return undefined;
  if (proof.some((hash) => hash.length !== HASH_BYTES)) return undefined;

  // The roots of the complete subtrees so far, from left to right; each subtree is smaller than the one before,
  // because two subtrees of the same size are merged.
  const roots: { leaves: number; hash: Uint8Array }[] = [];
  const insert = (leaves: number, hash: Uint8Array) => {
    let subtree = { leaves, hash };
    for (let left = roots.at(-1); left?.leaves === subtree.leaves; left = roots.at(-1)) {
      roots.pop();
      subtree = { leaves: left.leaves * 2, hash: hasher.node(left.hash, subtree.hash) };
    }
    roots.push(subtree);
  };
  let used = 0;
  const insertFromProof = (_first: number, leaves: number) => {
    insert(leaves, proof[used++]!);
  };
  forEachSubtree(0, range.start, insertFromProof);
  forEachSubtree(range.start, range.end, (first, leaves) => {
    insert(leaves, hasher.subtreeRoot(leavesOf(data, first - range.start, leaves)));
  });
  forEachSubtree(range.end, LEAVES_PER_SECTOR, insertFromProof);
  return roots[0]?.hash;
}

function leavesOf(data: Uint8Array, first: number, leaves: number): Uint8Array {
  return data.subarray(first * LEAF_BYTES, (first + leaves) * LEAF_BYTES);
}

/** Splits the leaves from `start` to `end` into the fewest subtrees that are aligned to their own size. */
function forEachSubtree(start: number, end: number, visit: (first: number, leaves: number) => void): void {
  let first = start;
  while (first < end) {
    const aligned = first === 0 ? LEAVES_PER_SECTOR : first & -first;
    const fits = 2 ** Math.floor(Math.log2(end - first));
    const leaves = Math.min(aligned, fits);
    visit(first, leaves);
    first += leaves;
  }
}
