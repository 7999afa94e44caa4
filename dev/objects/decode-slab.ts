import { rebuildCoefficients } from "../../lib/erasure/coefficients.ts";
import type { Kernel } from "../../lib/kernel/kernel.ts";
import { shardCipher } from "../../lib/slab/shard-cipher.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { combineInColumns } from "./combine-in-columns.ts";
import { dataKeyStream } from "./data-key-stream.ts";
import type { SlabEncoding } from "./encode-slab.ts";
import { unstripe } from "./stripe.ts";

/** A sector from a host; the caller has checked its root. */
export interface FetchedSector {
  readonly index: number;
  readonly data: Uint8Array;
}

/**
 * Decodes any `minShards` different sectors of a slab.
 * @returns the first `lengthBytes` of the object's bytes in this slab
 */
export function decodeSlab(
  kernel: Kernel,
  encoding: SlabEncoding,
  sectors: readonly FetchedSector[],
  lengthBytes: number,
): Buffer {
  const { minShards: k, totalShards: n, slabKey } = encoding;
  const shards = sectors.slice(0, k).map(({ index, data }) => {
    const shard = Buffer.from(data);
    shardCipher(slabKey, index).apply(shard, 0);
    return { index, shard };
  });

  const dataShards = Array.from({ length: k }, (_, i) => shards.find(({ index }) => index === i)?.shard);
  const targets = dataShards.flatMap((shard, i) => (shard === undefined ? [i] : []));
  const rebuilt = targets.map(() => Buffer.alloc(SECTOR_BYTES));
  const available = shards.map(({ index }) => index);
  combineInColumns(
    kernel,
    shards.map(({ shard }) => shard),
    rebuilt,
    rebuildCoefficients({ k, n, available, targets }),
  );

  const part = Buffer.alloc(lengthBytes);
  unstripe(
    dataShards.map((shard, i) => shard ?? rebuilt[targets.indexOf(i)]!),
    part,
  );
  dataKeyStream(encoding.objectCipher).apply(part, 0);
  return part;
}
