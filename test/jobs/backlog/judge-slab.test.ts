import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SlabHealth } from "../../../lib/database/backlog/slab-health.ts";
import { DEFAULT_THRESHOLDS } from "../../../lib/jobs/backlog/backlog-settings.ts";
import { CAUSES } from "../../../lib/jobs/backlog/causes.ts";
import { DRAIN_URGENCY, judgeSlab } from "../../../lib/jobs/backlog/judge-slab.ts";
import type { HostId, SlabId } from "../../../lib/slab/ids.ts";

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const context = { thresholds: DEFAULT_THRESHOLDS, groups: new Map<HostId, number>(), nowMs: NOW_MS };

const health = (rest: Partial<SlabHealth>): SlabHealth => ({
  slabId: 1n as SlabId,
  there: true,
  minShards: 10,
  freeAtMs: NOW_MS - HOUR_MS,
  endangeredFreeAtMs: NOW_MS - HOUR_MS,
  leased: false,
  dying: false,
  givenUp: false,
  attemptedAtMs: undefined,
  good: [],
  bad: [],
  known: undefined,
  ...rest,
});
const hosts = (count: number): HostId[] => Array.from({ length: count }, (_, n) => (n + 1) as HostId);
const bad = (cause: string, count = 1) =>
  Array.from({ length: count }, (_, n) => ({
    hostId: (cause === "lost" || cause === "denied" ? null : 1_000 + n) as HostId | null,
    cause,
    isSuspected: false,
  }));

function entryOf(slab: SlabHealth) {
  const judged = judgeSlab(slab, context);
  if (judged.kind !== "keep") throw new Error(`expected an entry, got ${judged.kind}`);
  return judged.entry;
}

describe("thresholds", () => {
  test.each([
    // Each row: cause, good sectors, hours since the cause was noticed, ready or not, hours until the next look.
    ["lost", 29, 0, true, 0],
    ["denied", 29, 0, true, 0],
    ["bad-contract", 29, 0, false, 6],
    ["bad-contract", 29, 5.99, false, 0.01],
    ["bad-contract", 29, 6, true, 0],
    ["bad-host", 29, 2, false, 4],
    ["bad-host", 12, 0, true, 0],
    ["bad-contract", 11, 0, true, 0],
    ["bad-host", 13, 0, false, 6],
    ["draining", 29, 0, true, 0],
    ["draining", 9, 0, true, 0],
  ])("%s with %i good, known for %f h: ready %s", (cause, good, hours, ready, lookHours) => {
    const since = { [cause]: NOW_MS - hours * HOUR_MS };
    const entry = entryOf(
      health({
        good: hosts(good),
        bad: bad(cause),
        known: { version: "1", waitingSinceMs: NOW_MS + 6 * HOUR_MS, since },
      }),
    );
    expect(entry.ready).toBe(ready);
    if (!ready) expect((entry.lookAtMs - NOW_MS) / HOUR_MS).toBeCloseTo(lookHours, 3);
  });

  test.each([
    // Each row: how many of the two denials are by suspected hosts, number of good sectors, ready or not.
    [2, 29, false],
    [1, 29, true],
    [2, 12, true],
  ])("two denials, %i by suspected hosts, %i good: ready %s", (suspected, good, ready) => {
    const denied = bad("denied", 2).map((sector, n) => ({ ...sector, isSuspected: n < suspected }));
    const entry = entryOf(health({ good: hosts(good), bad: denied }));
    expect(entry.ready).toBe(ready);
    // The slab waits for six hours, as long as the grace of a bad host.
    if (!ready) expect(entry.lookAtMs).toBe(NOW_MS + 6 * HOUR_MS);
  });

  test("a slab's waiting time counts from when the slab became due, not from when the walk first saw it", () => {
    const since = { "bad-host": NOW_MS - 8 * HOUR_MS };
    const known = { version: "1", waitingSinceMs: NOW_MS - 2 * HOUR_MS, since };
    expect(entryOf(health({ good: hosts(29), bad: bad("bad-host"), known })).waitingSinceMs).toBe(
      NOW_MS - 2 * HOUR_MS,
    );
    expect(entryOf(health({ good: hosts(29), bad: bad("lost") })).waitingSinceMs).toBe(NOW_MS);
  });

  test.each([
    // Each row: hours since the slab became due, hours since the last attempt, hours counted as waiting.
    [8, undefined, 8],
    [8, 3, 3],
    [3, 8, 3],
  ])("due for %s h, tried %s h ago: waits for %s h", (dueHours, triedHours, expected) => {
    const dueMs = NOW_MS - dueHours * HOUR_MS;
    const entry = entryOf(
      health({
        good: hosts(29),
        bad: bad("lost"),
        attemptedAtMs: triedHours === undefined ? undefined : NOW_MS - triedHours * HOUR_MS,
        known: { version: "1", waitingSinceMs: dueMs, since: { lost: dueMs } },
      }),
    );
    expect(NOW_MS - entry.waitingSinceMs).toBe(expected * HOUR_MS);
  });

  test.each([
    // [good sectors, ready]
    [12, true],
    [29, false],
  ])("the hold after a successful repair, with %i good sectors: ready %s", (good, ready) => {
    const held = { freeAtMs: NOW_MS + HOUR_MS, endangeredFreeAtMs: 0 };
    const entry = entryOf(health({ good: hosts(good), bad: bad("lost"), ...held }));
    expect(entry.ready).toBe(ready);
    if (!ready) expect(entry.lookAtMs).toBe(NOW_MS + HOUR_MS);
  });

  test("while a slab's expired lease is not reaped, the slab is not ready and is not judged again at once", () => {
    const entry = entryOf(health({ good: hosts(29), bad: bad("lost"), leased: true }));
    expect(entry).toMatchObject({ ready: false });
    expect(entry.lookAtMs).toBeGreaterThan(NOW_MS);
  });
});

describe("a drain", () => {
  test("a draining sector counts as good; its slab is less urgent than a slab with a lost sector", () => {
    const drained = entryOf(health({ good: hosts(29), bad: bad("draining") }));
    const lost = entryOf(health({ good: hosts(30), bad: bad("lost") }));
    expect(drained).toMatchObject({ margin: 20, loss: lost.loss, causes: { draining: 1 } });
    expect(drained.urgency).toBeGreaterThan(0);
    expect(drained.urgency).toBeLessThan(lost.urgency);
  });

  test("a drain does not make a slab urgent, but an additional cause does", () => {
    const held = { freeAtMs: NOW_MS + HOUR_MS, endangeredFreeAtMs: 0, minShards: 10 };
    const drained = entryOf(health({ good: hosts(9), bad: bad("draining"), ...held }));
    expect(drained).toMatchObject({ ready: false, urgency: DRAIN_URGENCY });
    expect(drained.loss).toBeGreaterThan(DEFAULT_THRESHOLDS.dangerAbove);
    const both = entryOf(health({ good: hosts(9), bad: [...bad("draining"), ...bad("lost")], ...held }));
    expect(both).toMatchObject({ ready: true, urgency: both.loss });
  });
});

test("property: danger, or a cause past its grace, makes a slab ready; a longer grace never makes it ready sooner", () => {
  const hours = fc.integer({ min: 0, max: 48 });
  const causes = fc.uniqueArray(fc.constantFrom(...CAUSES), { minLength: 1 });
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 30 }),
      causes,
      fc.record({ lost: hours, denied: hours, "bad-contract": hours, "bad-host": hours, draining: hours }),
      fc.record({ lost: hours, denied: hours, "bad-contract": hours, "bad-host": hours, draining: hours }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (good, present, knownFor, grace, dangerAbove) => {
        const slab = health({
          good: hosts(good),
          bad: present.flatMap((cause) => bad(cause)),
          known: {
            version: "1",
            waitingSinceMs: NOW_MS,
            since: Object.fromEntries(present.map((cause) => [cause, NOW_MS - knownFor[cause] * HOUR_MS])),
          },
        });
        const judge = (longer: number) => {
          const graceMs = {
            lost: (grace.lost + longer) * HOUR_MS,
            denied: (grace.denied + longer) * HOUR_MS,
            "bad-contract": (grace["bad-contract"] + longer) * HOUR_MS,
            "bad-host": (grace["bad-host"] + longer) * HOUR_MS,
            draining: (grace.draining + longer) * HOUR_MS,
          };
          const judged = judgeSlab(slab, { ...context, thresholds: { graceMs, dangerAbove } });
          if (judged.kind !== "keep") throw new Error("expected an entry");
          return judged.entry;
        };
        const entry = judge(0);
        const isOver = present.some((cause) => knownFor[cause] >= grace[cause]);
        const isOnlyDrained = present.every((cause) => cause === "draining");
        expect(entry.ready).toBe((entry.loss > dangerAbove && !isOnlyDrained) || isOver);
        const later = judge(1);
        if (!later.ready) expect(later.lookAtMs).toBeGreaterThanOrEqual(entry.lookAtMs);
        expect(later.ready && !entry.ready).toBe(false);
      },
    ),
  );
});

test("any slab's entry is valid, has a time for the next judgement, and is ready only if due and free", () => {
  const past = fc.integer({ min: NOW_MS - 1e12, max: NOW_MS });
  const time = fc.integer({ min: NOW_MS - 1e12, max: NOW_MS + 1e12 });
  const slab = fc.record({
    minShards: fc.oneof(fc.integer({ min: -5, max: 40 }), fc.constant(32_767)),
    freeAtMs: time,
    endangeredFreeAtMs: time,
    leased: fc.boolean(),
    attemptedAtMs: fc.option(past, { nil: undefined }),
    good: fc.array(fc.integer({ min: 1, max: 40 }) as fc.Arbitrary<HostId>, { maxLength: 40 }),
    bad: fc.array(
      fc.record({
        hostId: fc.option(fc.integer({ min: 1, max: 60 })) as fc.Arbitrary<HostId | null>,
        cause: fc.constantFrom(...CAUSES),
        isSuspected: fc.boolean(),
      }),
      { minLength: 1, maxLength: 40 },
    ),
    known: fc.option(
      fc.record({
        version: fc.constant("1"),
        waitingSinceMs: time,
        since: fc.dictionary(fc.constantFrom(...CAUSES), past),
      }),
      { nil: undefined },
    ),
  });
  fc.assert(
    fc.property(slab, (parts) => {
      const entry = entryOf(health(parts));
      expect(entry.urgency).toBeGreaterThanOrEqual(0);
      expect(entry.urgency).toBeLessThanOrEqual(1);
      expect(Object.values(entry.causes).reduce((sum, n) => sum + n, 0)).toBe(parts.bad.length);
      for (const sinceMs of Object.values(entry.sinceMs)) expect(sinceMs).toBeLessThanOrEqual(NOW_MS);
      const isOnlyDrained = parts.bad.every(({ cause }) => cause === "draining");
      const isEndangered = entry.loss > DEFAULT_THRESHOLDS.dangerAbove && !isOnlyDrained;
      const freeAtMs = isEndangered ? parts.endangeredFreeAtMs : parts.freeAtMs;
      if (entry.ready) {
        expect(parts.leased).toBe(false);
        expect(freeAtMs).toBeLessThan(NOW_MS);
        expect(entry.waitingSinceMs).toBeLessThanOrEqual(NOW_MS);
      } else {
        expect(entry.lookAtMs).toBeGreaterThan(NOW_MS);
        // The next look comes no later than the end of the grace and the slab's next attempt, whichever is later.
        expect(entry.lookAtMs).toBeLessThanOrEqual(Math.max(freeAtMs, NOW_MS + 6 * HOUR_MS));
      }
    }),
  );
});
