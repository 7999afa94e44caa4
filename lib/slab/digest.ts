import { blake2b } from "@noble/hashes/blake2.js";
import { hexOf, idBytes, parseSlabDigest, type Root, type SlabDigest } from "./ids.ts";

/** The pinned content of a slab. Hosts are not part of it, so moving sectors never changes the digest. */
export interface DigestedSlab {
  readonly version: number;
  readonly minShards: number;
  readonly encryptionKey: Uint8Array;
  /** By slab index. */
  readonly roots: readonly Root[];
}

/** Computes a slab's digest: docs/protocol.md#slab-digest. */
export function slabDigest({ version, minShards, encryptionKey, roots }: DigestedSlab): SlabDigest {
  const hash = blake2b.create({ dkLen: 32 });
  // Slabs of version 0 are older than the version byte, so their digests do not include it.
  if (version > 0) hash.update(Uint8Array.of(version));
  const count = Buffer.alloc(8);
  count.writeBigUInt64LE(BigInt(minShards));
  hash.update(count).update(encryptionKey);
  for (const root of roots) hash.update(idBytes(root));
  return parseSlabDigest(hexOf(hash.digest()));
}
