import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blocksForRebuild, planColumns } from "../../../lib/jobs/repair/column-plan.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";

const MIB = 1_048_576;
/** The number of blocks, of 4 MiB each, that a single repair gets. */
const BLOCKS = 32;

describe("planColumns", () => {
  test.each([
    [1, 32, 3],
    [10, 32, 3],
    [20, 32, 3],
    [24, 32, 2],
  ])(
    "10 of 30 with %i targets in %i blocks: one pass, %i columns at once",
    (targets, blocks, columnsAtOnce) => {
      const plan = planColumns({ minShards: 10, targets, blocks });
      expect(plan).toMatchObject({ rangeBytes: MIB, columnsAtOnce, targetsAtOnce: targets });
    },
  );

  test("a rebuild of three shards reads ranges of 1 MiB from 85 sources, and of 256 KiB from 120", () => {
    expect(planColumns({ minShards: 85, targets: 3, blocks: BLOCKS })).toMatchObject({ rangeBytes: MIB });
    expect(planColumns({ minShards: 120, targets: 3, blocks: BLOCKS })).toMatchObject({
      rangeBytes: MIB / 4,
    });
  });

  test("the plan for any code of up to 256 shards fits into memory, with all ranges of its columns", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.integer({ min: 1, max: 256 }),
        fc.integer({ min: 18, max: 128 }),
        (minShards, targets, blocks) => {
          const plan = planColumns({ minShards, targets, blocks });
          const rangesPerBlock = SECTOR_BYTES / plan.rangeBytes;
          expect(plan.rangeBlocks + plan.targetsAtOnce).toBeLessThanOrEqual(blocks);
          expect(plan.targetsAtOnce).toBeGreaterThan(0);
          expect(SECTOR_BYTES % plan.rangeBytes).toBe(0);
          // There must be space for the ranges of all simultaneous columns: otherwise two columns could wait for each
          // other forever.
          expect(plan.rangeBlocks * rangesPerBlock).toBeGreaterThanOrEqual(minShards * plan.columnsAtOnce);
        },
      ),
    );
  });

  test("a code that does not fit into memory is an error", () => {
    expect(() => planColumns({ minShards: 255, targets: 1, blocks: 17 })).toThrow("more than 17 blocks");
  });
});

test.each([
  [10, 1, 32, 10],
  [10, 1, 8, 7],
  [10, 10, 8, 16],
  [10, 10, 0, 14],
  [85, 3, 32, 26],
])(
  "%i shards and %i targets with %i blocks for ranges get %i",
  (minShards, targets, mostRangeBlocks, blocks) => {
    expect(blocksForRebuild({ minShards, targets, mostRangeBlocks })).toBe(blocks);
  },
);
