import { expect, test } from "vitest";
import { offerPatienceMs } from "../../../lib/jobs/repair/offer-patience.ts";

test.each([
  ["one shard alone is waited for as long as usual", { usualMs: 200, tookMs: [], underWay: 1 }, 200],
  ["two at once may share a line", { usualMs: 200, tookMs: [], underWay: 2 }, 400],
  ["ten at once may share a line", { usualMs: 200, tookMs: [], underWay: 10 }, 2_000],
  ["a line that ten share explains 15 s at most", { usualMs: 2_000, tookMs: [], underWay: 10 }, 15_000],
  ["a line that two share explains 3 s at most", { usualMs: 2_000, tookMs: [], underWay: 2 }, 3_000],
  ["what is usual is never too long", { usualMs: 7_500, tookMs: [], underWay: 1 }, 7_500],
  ["a few that were quick say nothing yet", { usualMs: 200, tookMs: [10, 20, 30, 40], underWay: 6 }, 1_200],
  [
    "half of them say what is typical",
    { usualMs: 200, tookMs: [500, 300, 400, 200, 100], underWay: 5 },
    1_000,
  ],
  ["nearly all: twice the median", { usualMs: 200, tookMs: [900, 100, 200, 300, 400], underWay: 1 }, 600],
  ["quick writes: not less than usual", { usualMs: 200, tookMs: [10, 20, 30], underWay: 1 }, 200],
  ["slow ones explain 3 s at most", { usualMs: 200, tookMs: [4_000, 5_000, 6_000], underWay: 1 }, 3_000],
])("%s", (_, offers, expected) => {
  expect(offerPatienceMs(offers)).toBe(expected);
});
