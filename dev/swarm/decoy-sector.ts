import { createHash } from "node:crypto";
import type { MerkleHasher } from "../../lib/merkle/merkle-hasher.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { buildSectorTree, PIECE_BYTES, type SectorTree } from "./sector-tree.ts";

/** The sector that a lying host serves instead of the requested one: real data and proofs, but another root. */
export interface DecoySector {
  readonly tree: SectorTree;
  read(start: number, end: number): Uint8Array;
}

/** The sector is one piece, repeated, so it takes 64 KiB of memory and not 4 MiB. */
export function createDecoySector(hasher: MerkleHasher, hostKey: string): DecoySector {
  const digest = createHash("sha256").update(`decoy of ${hostKey}`).digest();
  const piece = Buffer.alloc(PIECE_BYTES, digest);
  const tree = buildSectorTree(hasher, Buffer.alloc(SECTOR_BYTES, piece));
  return {
    tree,
    read(start, end) {
      const from = start % PIECE_BYTES;
      return Buffer.alloc(from + end - start, piece).subarray(from);
    },
  };
}
