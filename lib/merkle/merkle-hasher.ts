/** The two hash functions of the Merkle trees (docs/protocol.md#merkle-trees). Results are new arrays of 32 bytes. */
export interface MerkleHasher {
  /** Hash of an inner node. */
  node(left: Uint8Array, right: Uint8Array): Uint8Array;
  /** Root of the subtree over `data`, whose size is 64 bytes times a power of two. */
  subtreeRoot(data: Uint8Array): Uint8Array;
}
