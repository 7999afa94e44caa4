import fc from "fast-check";
import { expect, test } from "vitest";
import { allotRepairs, type Demand } from "../../lib/lifecycle/allot-repairs.ts";

const demand = (name: string, rest: Partial<Demand> = {}): Demand => ({
  name,
  share: 1,
  running: 0,
  ready: 0,
  urgency: 0,
  ...rest,
});

test.each<readonly [string, number, readonly Demand[], Record<string, number>]>([
  [
    "each has its share when all have work",
    6,
    [demand("a", { ready: 9, share: 2 }), demand("b", { ready: 9 })],
    { a: 4, b: 2 },
  ],
  [
    "unused repairs are lent, and one repair may begin at once",
    6,
    [demand("a"), demand("b", { ready: 9 })],
    { a: 1, b: 6 },
  ],
  [
    "the most urgent borrows first",
    9,
    [demand("a"), demand("b", { ready: 5, urgency: 0.1 }), demand("c", { ready: 9, urgency: 0.9 })],
    { a: 1, b: 3, c: 6 },
  ],
  [
    "a lent repair returns only when a repair of the borrower ends",
    4,
    [demand("a", { ready: 9 }), demand("b", { running: 4, ready: 9 })],
    { a: 1, b: 2 },
  ],
  [
    "two of the borrower's four repairs have ended",
    4,
    [demand("a", { ready: 9 }), demand("b", { running: 2, ready: 9 })],
    { a: 2, b: 2 },
  ],
  [
    "more indexers than repairs: one each",
    2,
    [demand("a", { ready: 1 }), demand("b", { ready: 1 }), demand("c", { ready: 1 })],
    { a: 1, b: 1, c: 1 },
  ],
])("shares: %s", (_what, total, demands, expected) => {
  expect(Object.fromEntries(allotRepairs(total, demands))).toEqual(expected);
});

test("each indexer gets at least one repair and at most what it needs; further new repairs use only free capacity", () => {
  const anyDemand = fc.record({
    share: fc.integer({ min: 1, max: 20 }),
    running: fc.integer({ min: 0, max: 10 }),
    ready: fc.integer({ min: 0, max: 20 }),
    urgency: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(anyDemand, { minLength: 1, maxLength: 8 }),
      (total, some) => {
        const demands = some.map((one, index) => ({ ...one, name: `i${index}` }));
        const allotted = allotRepairs(total, demands);
        let beyondRunning = 0;
        for (const { name, running, ready } of demands) {
          expect(allotted.get(name)).toBeGreaterThanOrEqual(1);
          expect(allotted.get(name)).toBeLessThanOrEqual(Math.max(1, running + ready));
          beyondRunning += Math.max(0, allotted.get(name)! - Math.max(1, running));
        }
        const running = demands.reduce((sum, one) => sum + one.running, 0);
        // Each indexer may have one repair in any case. Repairs beyond those that already run use only free capacity.
        expect(beyondRunning).toBeLessThanOrEqual(Math.max(0, total - running));
      },
    ),
  );
});
