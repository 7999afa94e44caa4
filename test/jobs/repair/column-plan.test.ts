import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planColumns } from "../../../lib/jobs/repair/column-plan.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";

const MIB = 1_048_576;
/** Blocks of 4 MiB that a worker has beside the kernel's tables. */
const BLOCKS = 26;

describe("planColumns", () => {
  test("10 of 30 keeps every range, so that proofs are checked only when a root is wrong", () => {
    for (const targets of [1, 5, 10, 20]) {
      const plan = planColumns({ sources: 10, toRead: 10, targets, blocks: BLOCKS });
      expect(plan).toMatchObject({
        rangeBytes: MIB,
        columnsAtOnce: 4,
        targetsAtOnce: Math.min(targets, 10),
        prove: "afterwards",
      });
    }
  });

  test("85 of 255 goes through one column at a time and proves each range", () => {
    const plan = planColumns({ sources: 85, toRead: 85, targets: 170, blocks: BLOCKS });
    expect(plan).toMatchObject({ columnsAtOnce: 1, prove: "each" });
  });

  test("whatever the code, everything fits into the blocks and every column can be filled", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 255 }),
        fc.nat({ max: 8 }),
        fc.integer({ min: 1, max: 256 }),
        (sources, copied, targets) => {
          const toRead = Math.max(0, sources - copied);
          const plan = planColumns({ sources, toRead, targets, blocks: BLOCKS });
          const rangesPerBlock = SECTOR_BYTES / plan.rangeBytes;
          expect(plan.rangeBlocks + plan.targetsAtOnce).toBeLessThanOrEqual(BLOCKS);
          expect(plan.targetsAtOnce).toBeGreaterThan(0);
          expect(SECTOR_BYTES % plan.rangeBytes).toBe(0);
          // Copied sources take room too: without it a column would wait for itself.
          const inFlight = sources * (plan.prove === "each" ? 1 : rangesPerBlock);
          expect(plan.rangeBlocks * rangesPerBlock).toBeGreaterThanOrEqual(inFlight);
        },
      ),
    );
  });
});
