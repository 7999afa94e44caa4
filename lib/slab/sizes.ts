/** Bytes of a sector, and so of a shard: docs/protocol.md#merkle-trees. */
export const SECTOR_BYTES = 4_194_304;

/** Bytes of a Merkle leaf; every offset and length on the wire is a multiple of it. */
export const LEAF_BYTES = 64;

export const LEAVES_PER_SECTOR = SECTOR_BYTES / LEAF_BYTES;

/** Most sectors that a slab can have: the shard index is one byte of the nonce. */
export const MAX_SHARDS = 256;
