import { LEAF_BYTES } from "../../lib/slab/sizes.ts";

/**
 * Distributes the bytes of a slab to its k data shards in segments of 64 bytes: segment s goes to shard s mod k, at
 * offset floor(s / k) * 64. The caller passes zeroed shards, so a slab that is not full is padded with zeros.
 */
export function stripe(data: Uint8Array, shards: readonly Uint8Array[]): void {
  eachSegment(data.length, shards, (shard, at, from, to) => shard.set(data.subarray(from, to), at));
}

/** The inverse of `stripe`: fills `data` from the data shards. */
export function unstripe(shards: readonly Uint8Array[], data: Uint8Array): void {
  eachSegment(data.length, shards, (shard, at, from, to) =>
    data.set(shard.subarray(at, at + to - from), from),
  );
}

function eachSegment(
  length: number,
  shards: readonly Uint8Array[],
  visit: (shard: Uint8Array, at: number, from: number, to: number) => void,
): void {
  for (let segment = 0, from = 0; from < length; segment++, from += LEAF_BYTES) {
    const shard = shards[segment % shards.length]!;
    visit(shard, Math.floor(segment / shards.length) * LEAF_BYTES, from, Math.min(from + LEAF_BYTES, length));
  }
}
