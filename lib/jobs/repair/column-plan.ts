import { SECTOR_BYTES } from "../../slab/sizes.ts";

/** How a rebuild reads the sectors within the available memory. */
export interface ColumnPlan {
  /** Bytes of one range; divides a sector. */
  readonly rangeBytes: number;
  /** Number of sector-sized buffers from which the ranges are cut. */
  readonly rangeBlocks: number;
  /** Columns read in parallel, after the first one. */
  readonly columnsAtOnce: number;
  /** Shards rebuilt in one pass over the sources. */
  readonly targetsAtOnce: number;
}

/** indexd reads ranges of the same size: small enough to spread over hosts, large enough for few round trips. */
const USUAL_RANGE_BYTES = 1_048_576;
/**
 * Small ranges are used only for codes with so many sources that usual ranges do not fit into memory, because a small
 * range costs its host as much work as a usual one.
 */
const SMALL_RANGE_BYTES = 262_144;
/** All columns of a sector except the first, which is read alone. */
const MOST_COLUMNS_AT_ONCE = SECTOR_BYTES / USUAL_RANGE_BYTES - 1;
/**
 * If usual ranges leave memory for fewer targets per pass than this, small ranges are used, because every additional
 * pass reads all sources again.
 */
const LEAST_TARGETS_AT_ONCE = 3;

/** Number of sector-sized blocks for the ranges of this many columns, plus one block for hedged reads. */
function rangeBlocks(minShards: number, columns: number, rangeBytes: number): number {
  return Math.ceil((columns * minShards * rangeBytes) / SECTOR_BYTES) + 1;
}

/**
 * Chooses how a rebuild uses `blocks` of one sector each: all targets in one pass if they fit, because each pass reads
 * the sources again; then as many parallel columns as there is room for.
 */
export function planColumns(options: {
  readonly minShards: number;
  readonly targets: number;
  readonly blocks: number;
}): ColumnPlan {
  const { minShards, targets, blocks } = options;
  const least = Math.min(targets, LEAST_TARGETS_AT_ONCE);
  const rangeBytes =
    rangeBlocks(minShards, 1, USUAL_RANGE_BYTES) + least <= blocks ? USUAL_RANGE_BYTES : SMALL_RANGE_BYTES;
  const oneColumn = rangeBlocks(minShards, 1, rangeBytes);
  if (oneColumn >= blocks) {
    throw new RangeError(
      `a rebuild from ${minShards} shards: expected more than ${oneColumn} blocks, got ${blocks}`,
    );
  }
  const targetsAtOnce = Math.min(targets, blocks - oneColumn);
  let columnsAtOnce = 1;
  while (
    columnsAtOnce < MOST_COLUMNS_AT_ONCE &&
    rangeBlocks(minShards, columnsAtOnce + 1, rangeBytes) + targetsAtOnce <= blocks
  ) {
    columnsAtOnce += 1;
  }
  return {
    rangeBytes,
    rangeBlocks: rangeBlocks(minShards, columnsAtOnce, rangeBytes),
    columnsAtOnce,
    targetsAtOnce,
  };
}

/**
 * How many blocks a rebuild should have: enough for all targets in one pass, and for as many columns as
 * `mostRangeBlocks` allow.
 */
export function blocksForRebuild(options: {
  readonly minShards: number;
  readonly targets: number;
  readonly mostRangeBlocks: number;
}): number {
  const { minShards, targets, mostRangeBlocks } = options;
  for (let columns = MOST_COLUMNS_AT_ONCE; columns > 1; columns -= 1) {
    const blocks = rangeBlocks(minShards, columns, USUAL_RANGE_BYTES);
    if (blocks <= mostRangeBlocks) return blocks + targets;
  }
  return rangeBlocks(minShards, 1, USUAL_RANGE_BYTES) + targets;
}
