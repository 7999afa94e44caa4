import { blake2b } from "@noble/hashes/blake2.js";

// A slow, simple implementation of docs/protocol.md#merkle-trees: recursion over halves.

const LEAF_BYTES = 64;

export function leafHash(leaf: Uint8Array): Uint8Array {
  return blake2b(Buffer.concat([Uint8Array.of(0), leaf]), { dkLen: 32 });
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return blake2b(Buffer.concat([Uint8Array.of(1), left, right]), { dkLen: 32 });
}

/** The root of data whose length is 64 bytes times a power of two. */
export function treeRoot(data: Uint8Array): Uint8Array {
  if (data.length === LEAF_BYTES) return leafHash(data);
  const half = data.length / 2;
  return nodeHash(treeRoot(data.subarray(0, half)), treeRoot(data.subarray(half)));
}

/**
 * The proof of the leaves from `start` up to, but without, `end`. It has the roots of the subtrees outside this range,
 * in the order of a walk from the root, left first.
 */
export function rangeProof(data: Uint8Array, start: number, end: number, first = 0): Uint8Array[] {
  const leaves = data.length / LEAF_BYTES;
  if (first >= start && first + leaves <= end) return [];
  if (first >= end || first + leaves <= start) return [treeRoot(data)];
  const half = data.length / 2;
  return [
    ...rangeProof(data.subarray(0, half), start, end, first),
    ...rangeProof(data.subarray(half), start, end, first + leaves / 2),
  ];
}
