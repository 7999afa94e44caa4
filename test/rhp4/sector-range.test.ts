import fc from "fast-check";
import { expect, test } from "vitest";
import { checkRange, MAX_PROOF_HASHES, rangeProofHashes } from "../../lib/rhp4/sector-range.ts";
import { LEAVES_PER_SECTOR, SECTOR_BYTES } from "../../lib/slab/sizes.ts";

/** Slow and readable: walks the tree like a host and counts the subtrees outside the range. */
function countByWalking(start: number, end: number, from = 0, to = LEAVES_PER_SECTOR): number {
  if (to <= start || from >= end) return 1;
  if (from >= start && to <= end) return 0;
  const middle = (from + to) / 2;
  return countByWalking(start, end, from, middle) + countByWalking(start, end, middle, to);
}

test("the proof's length matches the specification's examples", () => {
  expect(rangeProofHashes(0, 1)).toBe(16);
  expect(rangeProofHashes(65_535, 65_536)).toBe(16);
  expect(rangeProofHashes(3, 5)).toBe(17);
  expect(rangeProofHashes(16_384, 32_768)).toBe(2);
  expect(rangeProofHashes(0, LEAVES_PER_SECTOR)).toBe(0);
});

test("the proof's length matches a walk of the tree", () => {
  const leaf = fc.integer({ min: 0, max: LEAVES_PER_SECTOR });
  fc.assert(
    fc.property(leaf, leaf, (a, b) => {
      fc.pre(a !== b);
      const [start, end] = [Math.min(a, b), Math.max(a, b)];
      const hashes = rangeProofHashes(start, end);
      expect(hashes).toBe(countByWalking(start, end));
      expect(hashes).toBeLessThanOrEqual(MAX_PROOF_HASHES);
    }),
  );
});

test.each([
  [0, 0],
  [0, 63],
  [32, 64],
  [-64, 64],
  [SECTOR_BYTES, 64],
  [SECTOR_BYTES - 64, 128],
  [0, SECTOR_BYTES + 64],
  [0, Number.NaN],
  [Number.NaN, 64],
  [0.5, 64],
  [0, Number.POSITIVE_INFINITY],
])("offset %d length %d is refused before anything is sent", (offset, length) => {
  expect(() => checkRange(offset, length)).toThrow(expect.objectContaining({ code: "invalid-request" }));
});

test("the first leaf, the last leaf and the whole sector may be read", () => {
  checkRange(0, 64);
  checkRange(SECTOR_BYTES - 64, 64);
  checkRange(0, SECTOR_BYTES);
});
