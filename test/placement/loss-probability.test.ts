import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  GROUP_FAILURE,
  HOLDER_FAILURE,
  type Holder,
  lossProbability,
} from "../../lib/placement/loss-probability.ts";

const P = HOLDER_FAILURE.good;
const alone = (count: number, failure = P): Holder[] =>
  Array.from({ length: count }, () => ({ sectors: 1, failure, group: null }));
const together = (count: number, group = 1): Holder[] =>
  Array.from({ length: count }, () => ({ sectors: 1, failure: P, group }));

function choose(n: number, k: number): number {
  let value = 1;
  for (let i = 1; i <= k; i++) value = (value * (n - k + i)) / i;
  return value;
}

/** The slow, readable reference: adds up the probabilities of all combinations of failures that lose the slab. */
function byEnumeration(minShards: number, holders: readonly Holder[]): number {
  const groups = [...new Set(holders.flatMap(({ group }) => group ?? []))].filter(
    (group) => holders.filter((holder) => holder.group === group).length > 1,
  );
  let lost = 0;
  for (let events = 0; events < 2 ** (holders.length + groups.length); events++) {
    const gone = groups.filter((_, n) => (events >> (holders.length + n)) & 1);
    let probability = GROUP_FAILURE ** gone.length * (1 - GROUP_FAILURE) ** (groups.length - gone.length);
    let left = 0;
    holders.forEach((holder, n) => {
      const fails = ((events >> n) & 1) === 1;
      probability *= fails ? holder.failure : 1 - holder.failure;
      if (!fails && !gone.includes(holder.group ?? Number.NaN)) left += holder.sectors;
    });
    if (left < minShards) lost += probability;
  }
  return lost;
}

const holder = fc.record({
  sectors: fc.integer({ min: 1, max: 3 }),
  failure: fc.constantFrom(...Object.values(HOLDER_FAILURE)),
  group: fc.constantFrom(null, null, 1, 2),
});

describe("the examples of docs/decisions/0010-urgency.md", () => {
  test.each([
    // Columns: min_shards, live sectors, probability that the slab is lost within a week.
    [10, 30, 1.3e-35],
    [10, 20, 1.5e-17],
    [10, 13, 6.7e-6],
    [10, 12, 2.1e-4],
    [10, 11, 5.2e-3],
    [10, 10, 9.6e-2],
    [3, 12, 6.5e-19],
    [3, 5, 9.9e-6],
    [3, 4, 5.9e-4],
    [3, 3, 3.0e-2],
    // Storj's issue 7509: a slab with 9 live sectors that needs 7 is more urgent than a slab with 39 that needs 29.
    [7, 9, 8.0e-5],
    [29, 39, 1.3e-13],
  ])("%i of %i live", (minShards, live, expected) => {
    const loss = lossProbability(minShards, alone(live));
    expect(Number(loss.toPrecision(2))).toBe(expected);
  });

  test("with equal margins a slab of a large code is likelier to be lost than one of a small code", () => {
    // 5 live sectors of a 3-of-12 slab have a margin of 2, and 13 of a 10-of-30 slab a margin of 3. Yet the two loss
    // probabilities are of similar size.
    const small = lossProbability(3, alone(5));
    const large = lossProbability(10, alone(13));
    expect(small / large).toBeGreaterThan(1.4);
    expect(small / large).toBeLessThan(1.6);
    expect(lossProbability(3, alone(5))).toBeLessThan(lossProbability(10, alone(12)));
  });
});

test("the loss probability equals the sum over all combinations of failures", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(holder, { maxLength: 8 }), (minShards, holders) => {
      const loss = lossProbability(minShards, holders);
      const live = holders.reduce((sum, { sectors }) => sum + sectors, 0);
      const expected = live < minShards ? 1 : byEnumeration(minShards, holders);
      expect(Math.abs(loss - expected)).toBeLessThanOrEqual(1e-12 + expected * 1e-9);
    }),
  );
});

test("tiny probabilities keep their significant digits", () => {
  // The first term of the sum is the probability that exactly 21 of 30 hosts fail. All other terms together are 0.4 %
  // of the first.
  expect(lossProbability(10, alone(30)) / (choose(30, 21) * P ** 21 * (1 - P) ** 9)).toBeCloseTo(1.004, 3);
  expect(lossProbability(1, alone(256))).toBe(0);
});

describe("order", () => {
  const slab = fc.record({
    minShards: fc.integer({ min: 1, max: 20 }),
    holders: fc.array(holder, { minLength: 1, maxLength: 40 }),
  });
  const close = (value: number): number => value * (1 + 1e-9) + 1e-300;

  test("losing a holder never makes a slab safer", () => {
    fc.assert(
      fc.property(slab, fc.nat(), ({ minShards, holders }, n) => {
        const fewer = holders.toSpliced(n % holders.length, 1);
        // Hosts of a group may fail together. A group with only one host left would no longer count as a group, so
        // every group must keep two hosts.
        fc.pre(
          fewer.every(
            (one) => one.group === null || fewer.filter(({ group }) => group === one.group).length > 1,
          ),
        );
        expect(lossProbability(minShards, holders)).toBeLessThanOrEqual(
          close(lossProbability(minShards, fewer)),
        );
      }),
    );
  });

  test("correlated hosts never make a slab safer than as many independent hosts", () => {
    fc.assert(
      fc.property(slab, ({ minShards, holders }) => {
        const apart = holders.map((one) => ({ ...one, group: null }));
        const joined = holders.map((one) => ({ ...one, group: 1 }));
        const some = lossProbability(minShards, holders);
        expect(lossProbability(minShards, apart)).toBeLessThanOrEqual(close(some));
        expect(lossProbability(minShards, apart)).toBeLessThanOrEqual(
          close(lossProbability(minShards, joined)),
        );
      }),
    );
    expect(lossProbability(10, [...alone(11), ...together(3)])).toBeGreaterThan(
      50 * lossProbability(10, alone(14)),
    );
    // 13 hosts of one group are no safer than 12 hosts of one group and one independent host.
    expect(lossProbability(10, [...together(13)])).toBeGreaterThan(
      lossProbability(10, [...alone(1), ...together(12)]) * 0.99,
    );
  });

  test("a likelier failure or a higher min_shards never makes a slab safer", () => {
    fc.assert(
      fc.property(slab, fc.nat(), ({ minShards, holders }, n) => {
        const place = n % holders.length;
        const worse = holders.with(place, { ...holders[place]!, failure: 0.9 });
        const loss = lossProbability(minShards, holders);
        expect(loss).toBeLessThanOrEqual(close(lossProbability(minShards, worse)));
        expect(loss).toBeLessThanOrEqual(close(lossProbability(minShards + 1, holders)));
        expect(loss).toBeGreaterThanOrEqual(0);
        expect(loss).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("the order of holders does not change the result, to the last bit", () => {
    fc.assert(
      fc.property(slab, ({ minShards, holders }) => {
        expect(lossProbability(minShards, holders.toReversed())).toBe(lossProbability(minShards, holders));
      }),
    );
  });
});

test("invalid input has a defined result", () => {
  expect(lossProbability(10, [])).toBe(1);
  expect(lossProbability(200, alone(30))).toBe(1);
  expect(lossProbability(0, [])).toBe(0);
  expect(lossProbability(1, [{ sectors: 3, failure: 1, group: null }])).toBe(1);
  expect(lossProbability(1, [{ sectors: 3, failure: 0, group: null }])).toBe(0);
});
