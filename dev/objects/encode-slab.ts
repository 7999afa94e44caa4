import { encodingMatrix } from "../../lib/erasure/coefficients.ts";
import type { Kernel } from "../../lib/kernel/kernel.ts";
import type { Root } from "../../lib/slab/ids.ts";
import { shardCipher } from "../../lib/slab/shard-cipher.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { combineInColumns } from "./combine-in-columns.ts";
import { dataKeyStream, type ObjectCipher } from "./data-key-stream.ts";
import { stripe } from "./stripe.ts";

/** The parameters for converting one slab's part of an object into sectors and back. */
export interface SlabEncoding {
  readonly minShards: number;
  readonly totalShards: number;
  /** The slab's key of 32 bytes, which turns shards into sectors. */
  readonly slabKey: Uint8Array;
  /** The cipher that encrypts the object's bytes before they are divided into data shards. */
  readonly objectCipher: ObjectCipher;
}

export interface EncodedSector {
  readonly index: number;
  readonly root: Root;
  /** The sector as a host stores it; the caller may keep the buffer. */
  readonly data: Buffer;
}

/**
 * How many parity shards are computed together: enough to read the data shards only a few times, and few enough to keep
 * memory small even if a slab has many shards.
 */
const PARITY_BATCH = 20;

/**
 * Yields the sectors of a slab in the order of their index; each batch of parity sectors is computed when its first
 * sector is asked for. `part` contains the plain bytes of the object, at most as many as `minShards` sectors hold;
 * `part` is not changed.
 */
export function* encodeSlab(
  kernel: Kernel,
  encoding: SlabEncoding,
  part: Uint8Array,
): Generator<EncodedSector> {
  const { minShards, totalShards, slabKey } = encoding;
  const finish = (index: number, shard: Uint8Array): EncodedSector => {
    const data = Buffer.from(shard);
    shardCipher(slabKey, index).apply(data, 0);
    return { index, root: kernel.sectorRoot(data), data };
  };

  const enciphered = Buffer.from(part);
  dataKeyStream(encoding.objectCipher).apply(enciphered, 0);
  const dataShards = Array.from({ length: minShards }, () => Buffer.alloc(SECTOR_BYTES));
  stripe(enciphered, dataShards);
  for (const [index, shard] of dataShards.entries()) yield finish(index, shard);

  const matrix = encodingMatrix(minShards, totalShards);
  for (let first = minShards; first < totalShards; first += PARITY_BATCH) {
    const last = Math.min(first + PARITY_BATCH, totalShards);
    const parityShards = Array.from({ length: last - first }, () => Buffer.alloc(SECTOR_BYTES));
    combineInColumns(kernel, dataShards, parityShards, matrix.subarray(first * minShards, last * minShards));
    for (const [i, shard] of parityShards.entries()) yield finish(first + i, shard);
  }
}
