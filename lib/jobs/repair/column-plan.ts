import { SECTOR_BYTES } from "../../slab/sizes.ts";

/** How a rebuild goes through the sectors within the memory that is free. */
export interface ColumnPlan {
  /** Bytes of one range; divides a sector. */
  readonly rangeBytes: number;
  /** Buffers of one sector each that the ranges are cut from. */
  readonly rangeBlocks: number;
  /** Columns that are read at once. */
  readonly columnsAtOnce: number;
  /** Shards that are rebuilt in one pass. */
  readonly targetsAtOnce: number;
  /**
   * `afterwards`: every range stays in memory for all passes; proofs are checked only when a rebuilt root is wrong.
   * `each`: the code is too large for that, so every range is proven when it arrives and then given back; the sources
   * are read again for the next pass.
   */
  readonly prove: "afterwards" | "each";
}

/** indexd reads ranges of the same size: small enough to spread, large enough for few round trips. */
const USUAL_RANGE_BYTES = 1_048_576;
const SMALL_RANGE_BYTES = 262_144;

/** Buffers beyond the needed ones, in sectors, so that a slow host can be hedged. */
const HEDGE_BLOCKS = 2;

/** As many as are uploaded at once: more would only wait there. */
const TARGETS_AT_ONCE = 10;
/** With fewer at once, too many passes would go over the sources. */
const LEAST_TARGETS_AT_ONCE = 3;

/**
 * Chooses how a rebuild uses its memory. `blocks` is how many sector-sized buffers it may take, `sources` the code's
 * `min_shards`: a source that was copied is not read again, but its ranges take as much room as any (its buffer is
 * being uploaded, and the keystream is taken off in place). `toRead` is how many of the sources come from hosts.
 */
export function planColumns(options: {
  readonly sources: number;
  readonly toRead: number;
  readonly targets: number;
  readonly blocks: number;
}): ColumnPlan {
  const { sources, toRead, targets, blocks } = options;
  const least = sources + HEDGE_BLOCKS;
  if (least + Math.min(targets, LEAST_TARGETS_AT_ONCE) <= blocks) {
    // A hedge for every source that is read, where there is room.
    const most = sources + toRead + HEDGE_BLOCKS;
    const rangeBlocks = Math.max(least, Math.min(most, blocks - Math.min(targets, TARGETS_AT_ONCE)));
    return {
      rangeBytes: USUAL_RANGE_BYTES,
      rangeBlocks,
      columnsAtOnce: SECTOR_BYTES / USUAL_RANGE_BYTES,
      targetsAtOnce: Math.max(1, Math.min(targets, TARGETS_AT_ONCE, blocks - rangeBlocks)),
      prove: "afterwards",
    };
  }
  const blocksFor = (rangeBytes: number): number =>
    Math.ceil((sources * rangeBytes) / SECTOR_BYTES) + HEDGE_BLOCKS;
  // Half of the memory for sources leaves room for enough targets that few passes are needed.
  const rangeBytes = blocksFor(USUAL_RANGE_BYTES) <= blocks / 2 ? USUAL_RANGE_BYTES : SMALL_RANGE_BYTES;
  const rangeBlocks = Math.min(blocksFor(rangeBytes), blocks - 1);
  return {
    rangeBytes,
    rangeBlocks,
    columnsAtOnce: 1,
    targetsAtOnce: Math.max(1, Math.min(targets, blocks - rangeBlocks)),
    prove: "each",
  };
}
