import { hashThree } from "./blake2b-65";

const LEAF_BYTES: usize = 64;
const HASH_BYTES: usize = 32;
const LEAF_PREFIX: u64 = 0;
const NODE_PREFIX: u64 = 1;

/** Leaves hashed before climbing: their 256 KiB of data and 128 KiB of digests stay in a core's second-level cache. */
const PIECE_LEAVES: usize = 4096;
const PIECE_DIGESTS: usize = memory.data(4096 * 32, 64);
/** Roots of the pieces of a sector, 65536 / 4096 of them. */
const PIECE_ROOTS: usize = memory.data(16 * 32, 64);

/** Hashes `count` consecutive blocks of 64 bytes; `out` may be `blocks` itself. */
function hashBlocks(prefix: u64, blocks: usize, count: usize, out: usize): void {
  for (let first: usize = 0; first < count; first += 3) {
    // At the end the last block is hashed more than once, with the same result.
    const second = min(first + 1, count - 1);
    const third = min(first + 2, count - 1);
    hashThree(
      prefix,
      blocks + first * LEAF_BYTES, blocks + second * LEAF_BYTES, blocks + third * LEAF_BYTES,
      out + first * HASH_BYTES, out + second * HASH_BYTES, out + third * HASH_BYTES,
    );
  }
}

/** Replaces `count` hashes (a power of two) by the root of the tree above them, at `hashes`. */
export function climb(hashes: usize, count: usize): void {
  // Two neighbouring hashes are one block of 64 bytes.
  while (count > 1) {
    count >>= 1;
    hashBlocks(NODE_PREFIX, hashes, count, hashes);
  }
}

function pieceRoot(data: usize, leaves: usize, out: usize): void {
  hashBlocks(LEAF_PREFIX, data, leaves, PIECE_DIGESTS);
  climb(PIECE_DIGESTS, leaves);
  memory.copy(out, PIECE_DIGESTS, HASH_BYTES);
}

/** Root of `leaves` (a power of two, at most a sector's 65536) consecutive leaves at `data`. */
export function subtreeRoot(data: usize, leaves: usize, out: usize): void {
  if (leaves <= PIECE_LEAVES) {
    pieceRoot(data, leaves, out);
    return;
  }
  const pieces = leaves / PIECE_LEAVES;
  for (let i: usize = 0; i < pieces; i++) {
    pieceRoot(data + i * PIECE_LEAVES * LEAF_BYTES, PIECE_LEAVES, PIECE_ROOTS + i * HASH_BYTES);
  }
  climb(PIECE_ROOTS, pieces);
  memory.copy(out, PIECE_ROOTS, HASH_BYTES);
}
