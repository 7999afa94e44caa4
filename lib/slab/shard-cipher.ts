import { type CipherStream, xchacha20Stream } from "./xchacha20-stream.ts";

/** The keystream that turns a shard into the sector that a host stores, and back: docs/protocol.md#slab-encoding. */
export function shardCipher(slabKey: Uint8Array, shardIndex: number): CipherStream {
  const nonce = new Uint8Array(24);
  nonce[0] = shardIndex;
  return xchacha20Stream(slabKey, nonce);
}
