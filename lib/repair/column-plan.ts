import { SECTOR_BYTES } from "../slab/sizes.ts";

/** How a rebuild goes through the sectors within the memory that is free. */
export interface ColumnPlan {
  /** Bytes of one range; divides a sector. */
  readonly rangeBytes: number;
  /** Buffers of one sector each that the ranges are cut from. */
  readonly rangeBlocks: number;
  /** Columns that are read at once. */
  readonly columnsAtOnce: number;
  /** Shards that are rebuilt in one pass; the sources are read again for the next. */
  readonly targetsAtOnce: number;
  /**
   * `afterwards`: every range stays in memory until the rebuilt roots are right; proofs are checked only when one is
   * not. `each`: the code is too large for that, so every range is proven when it arrives and then given back.
   */
  readonly prove: "afterwards" | "each";
}

/** indexd reads ranges of the same size: small enough to spread, large enough for few round trips. */
const USUAL_RANGE_BYTES = 1_048_576;
const SMALL_RANGE_BYTES = 262_144;

/** Buffers beyond the needed ones, in sectors, so that a slow host can be hedged. */
const HEDGE_BLOCKS = 2;

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
  if (sources + HEDGE_BLOCKS + targets <= blocks) {
    return {
      rangeBytes: USUAL_RANGE_BYTES,
      // A hedge for every source that is read, where there is room.
      rangeBlocks: Math.min(blocks - targets, sources + toRead + HEDGE_BLOCKS),
      columnsAtOnce: SECTOR_BYTES / USUAL_RANGE_BYTES,
      targetsAtOnce: Math.max(1, targets),
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
