import type { MerkleHasher } from "../../lib/merkle/merkle-hasher.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR, SECTOR_BYTES } from "../../lib/slab/sizes.ts";

const HASH_BYTES = 32;

/**
 * A host keeps the roots of the sector's 64 KiB pieces and all nodes above them, 4 KiB per sector. So the proof of a
 * range that is aligned to pieces, such as the 1 MiB ranges that a repair reads, needs no hashing. The proof of any
 * other range hashes at most two pieces.
 */
export const PIECE_BYTES = 64 * 1024;
const PIECES = SECTOR_BYTES / PIECE_BYTES;
const LEAVES_PER_PIECE = PIECE_BYTES / LEAF_BYTES;

/**
 * The nodes that the host keeps, as a heap: node 1 is the root, the children of node i are the nodes 2i and 2i + 1, and
 * the pieces are the nodes from PIECES to 2 PIECES - 1.
 */
export type SectorTree = Uint8Array;

export function buildSectorTree(hasher: MerkleHasher, sector: Uint8Array): SectorTree {
  const tree = new Uint8Array(2 * PIECES * HASH_BYTES);
  for (let piece = 0; piece < PIECES; piece++) {
    const start = piece * PIECE_BYTES;
    tree.set(hasher.subtreeRoot(sector.subarray(start, start + PIECE_BYTES)), (PIECES + piece) * HASH_BYTES);
  }
  for (let node = PIECES - 1; node >= 1; node--) {
    tree.set(hasher.node(nodeOf(tree, 2 * node), nodeOf(tree, 2 * node + 1)), node * HASH_BYTES);
  }
  return tree;
}

export function treeRoot(tree: SectorTree): Uint8Array {
  return nodeOf(tree, 1);
}

function nodeOf(tree: SectorTree, node: number): Uint8Array {
  return tree.subarray(node * HASH_BYTES, (node + 1) * HASH_BYTES);
}

/** Some bytes of a sector, beginning at offset `start`. */
export interface SectorWindow {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/**
 * The smallest sequence of whole pieces that contains the range. {@link rangeProof} needs the bytes of these pieces.
 */
export function piecesAround(
  offset: number,
  length: number,
): { readonly start: number; readonly end: number } {
  return {
    start: Math.floor(offset / PIECE_BYTES) * PIECE_BYTES,
    end: Math.ceil((offset + length) / PIECE_BYTES) * PIECE_BYTES,
  };
}

/**
 * The hashes that prove the leaves in a range of a sector, from left to right. A subtree outside the range contributes
 * its root, and a subtree inside the range contributes nothing; a subtree that is partly inside is split. `window` must
 * contain at least the bytes of the pieces around the range ({@link piecesAround}).
 */
export function rangeProof(
  hasher: MerkleHasher,
  tree: SectorTree,
  window: SectorWindow,
  offset: number,
  length: number,
): Uint8Array[] {
  const rangeStart = offset / LEAF_BYTES;
  const rangeEnd = (offset + length) / LEAF_BYTES;
  const proof: Uint8Array[] = [];
  const walk = (node: number, start: number, count: number): void => {
    const end = start + count;
    if (start >= rangeStart && end <= rangeEnd) return;
    if (end <= rangeStart || start >= rangeEnd) {
      proof.push(
        count >= LEAVES_PER_PIECE ? nodeOf(tree, node) : hasher.subtreeRoot(leavesOf(window, start, count)),
      );
      return;
    }
    walk(2 * node, start, count / 2);
    walk(2 * node + 1, start + count / 2, count / 2);
  };
  walk(1, 0, LEAVES_PER_SECTOR);
  return proof;
}

function leavesOf(window: SectorWindow, startLeaf: number, leaves: number): Uint8Array {
  const start = startLeaf * LEAF_BYTES - window.start;
  return window.bytes.subarray(start, start + leaves * LEAF_BYTES);
}
