import { setImmediate as nextTurn } from "node:timers/promises";
import { rebuildCoefficients } from "../../erasure/coefficients.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { shardCipher } from "../../slab/shard-cipher.ts";
import type { Slab, SlabSector } from "../../slab/slab.ts";

/** A byte range of one shard, in the kernel's memory. */
export interface ShardRange {
  readonly sector: SlabSector;
  readonly data: Uint8Array;
  /**
   * True: the sector's keystream is applied, as in the stored sector. False: the keystream is removed, which leaves the
   * plain shard. Applying the keystream a second time removes it.
   */
  enciphered: boolean;
}

/** Removes a range's keystream, or applies it again. */
export function setEnciphered(slab: Slab, range: ShardRange, offset: number, enciphered: boolean): void {
  if (range.enciphered === enciphered) return;
  shardCipher(slab.encryptionKey, range.sector.index).apply(range.data, offset);
  range.enciphered = enciphered;
}

/**
 * Rebuilds the targets' range from exactly `min_shards` sources. Reed-Solomon works on each byte position separately,
 * so any range is rebuilt from the same range of the sources (docs/protocol.md#reed-solomon-parameters). Yields to the
 * event loop every few milliseconds, so that sockets are read and heartbeats are sent.
 * @param targets whole sectors; only their bytes from `offset` on are written, with the targets' keystream applied
 */
export async function decodeColumn(options: {
  readonly kernel: Kernel;
  readonly slab: Slab;
  readonly sources: readonly ShardRange[];
  readonly targets: readonly { readonly sector: SlabSector; readonly data: Uint8Array }[];
  readonly offset: number;
  readonly lengthBytes: number;
}): Promise<void> {
  const { kernel, slab, sources, targets, offset, lengthBytes } = options;
  for (const source of sources) {
    if (!source.enciphered) continue;
    setEnciphered(slab, source, offset, false);
    await nextTurn();
  }
  const windows = targets.map(({ sector, data }) => ({
    sector,
    data: data.subarray(offset, offset + lengthBytes),
    enciphered: false,
  }));
  kernel.combine({
    sources: sources.map(({ data }) => data),
    targets: windows.map(({ data }) => data),
    coefficients: rebuildCoefficients({
      k: slab.minShards,
      n: slab.sectors.length,
      available: sources.map(({ sector }) => sector.index),
      targets: targets.map(({ sector }) => sector.index),
    }),
    lengthBytes,
  });
  for (const window of windows) {
    await nextTurn();
    setEnciphered(slab, window, offset, true);
  }
}
