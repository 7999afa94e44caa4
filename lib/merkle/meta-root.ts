import type { MerkleHasher } from "./merkle-hasher.ts";

/**
 * Root of the tree above any number of roots, in their order: for example a contract's sectors, or a sector's pieces.
 */
export function metaRoot(hasher: Pick<MerkleHasher, "node">, roots: readonly Uint8Array[]): Uint8Array {
  if (roots.length <= 1) return roots[0]?.slice() ?? new Uint8Array(32);
  let split = 1;
  while (split * 2 < roots.length) split *= 2;
  return hasher.node(metaRoot(hasher, roots.slice(0, split)), metaRoot(hasher, roots.slice(split)));
}
