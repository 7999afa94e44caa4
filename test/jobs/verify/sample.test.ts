/** How many draws a sample needs for its statement, and that it draws all sectors of a host equally often. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { drawWindows, windowsFor } from "../../../lib/jobs/verify/draw-windows.ts";
import { firstHits } from "../../../lib/jobs/verify/next-batch.ts";
import { confidenceOf, drawsFor } from "../../../lib/jobs/verify/sample-size.ts";

test.each([
  [0.001, 0.99, 4_603],
  [0.01, 0.95, 299],
  [0.01, 0.99, 459],
  [0.1, 0.9, 22],
  [0.5, 0.5, 1],
  [0.000_1, 0.99, 46_050],
])("at most %f missing with a confidence of %f takes %i draws", (missingShare, confidence, draws) => {
  expect(drawsFor({ missingShare, confidence })).toBe(draws);
  expect(confidenceOf(draws, missingShare)).toBeGreaterThanOrEqual(confidence);
  expect(confidenceOf(draws - 1, missingShare)).toBeLessThan(confidence);
});

const ROOTS = 1n << 64n;
const SEED = createHash("sha256").update("seed").digest("hex");

/**
 * For each window, the index in `roots` of the root that the window draws; null if it draws no root. `roots` is in
 * ascending order.
 */
function draw(roots: readonly bigint[], count: number): (number | null)[] {
  return drawWindows({ seed: SEED, first: 0, count, sectors: roots.length }).map(({ from, to, place }) => {
    const within = roots.flatMap((root, at) => (root >= from && root < (to ?? ROOTS) ? [at] : []));
    return within[place] ?? null;
  });
}

test("a sample draws all sectors equally often: after narrow and wide gaps between roots, and at both ends", () => {
  const roots = [
    0n,
    1n,
    2n,
    1_000n,
    ROOTS / 3n,
    ROOTS / 3n + 7n,
    ROOTS / 2n,
    ROOTS - 3n,
    ROOTS - 2n,
    ROOTS - 1n,
  ];
  const windows = windowsFor(5_000);
  const hits = draw(roots, windows).filter((at) => at !== null);
  const counts = roots.map((_, at) => hits.filter((hit) => hit === at).length);
  // A window covers a tenth of the space of roots and may begin below it, so on average one window in eleven contains a
  // given root. A window draws the root at one of 16 places.
  const expected = windows / 16 / (roots.length + 1);
  // The allowed difference is five standard deviations; the seed is fixed, so the result never changes.
  for (const count of counts) expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected));
});

test("with the same seed a window is the same, whichever window is drawn first", () => {
  const all = drawWindows({ seed: SEED, first: 0, count: 10, sectors: 100 });
  expect(drawWindows({ seed: SEED, first: 4, count: 6, sectors: 100 })).toEqual(all.slice(4));
});

test("a full batch of a sample ends at its last hit, and the next batch begins after it", () => {
  expect(firstHits([null, "a", null, "b", null, "c"], 2)).toEqual({ ids: ["a", "b"], used: 4 });
  expect(firstHits([null, "a", null], 2)).toEqual({ ids: ["a"], used: 3 });
});
