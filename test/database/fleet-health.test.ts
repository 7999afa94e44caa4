import { describe, expect, test } from "vitest";
import {
  claimAllowance,
  DEFAULT_FLEET_LIMITS,
  type FleetHealth,
  nextFleetHealth,
  type RecentOutcome,
} from "../../lib/database/fleet/fleet-health.ts";

const MINUTE = 60_000;
const NOW = 1_000 * MINUTE;
const WELL: FleetHealth = { kind: "well", sinceMs: 0, lastBackoffMs: 0 };

/** Outcomes of different slabs, the last one now, a second apart. */
function outcomes(...list: RecentOutcome["outcome"][]): RecentOutcome[] {
  return list.map((outcome, n) => ({
    slabId: String(n),
    outcome,
    finishedAtMs: NOW - (list.length - 1 - n) * 1_000,
  }));
}
const times = <Item>(n: number, item: Item): Item[] => Array.from({ length: n }, () => item);

describe("well", () => {
  test.each<[string, RecentOutcome[], "well" | "ill"]>([
    ["nothing finished", [], "well"],
    ["all repaired", outcomes(...times(20, "repaired" as const)), "well"],
    ["four bad ones: may be the slabs'", outcomes(...times(4, "crashed" as const)), "well"],
    ["five bad ones", outcomes(...times(5, "crashed" as const)), "ill"],
    ["bad ones of every kind", outcomes("crashed", "fault", "underfunded", "no-candidates", "fault"), "ill"],
    [
      "outcomes that are the slabs' own",
      outcomes("too-few-sources", "partial-refused", "interrupted", "too-few-sources", "partial-deadline"),
      "well",
    ],
    ["half of them bad", outcomes(...times(5, "fault" as const), ...times(5, "repaired" as const)), "well"],
    ["most of them bad", outcomes(...times(6, "fault" as const), ...times(5, "repaired" as const)), "ill"],
    [
      "one slab that fails over and over",
      outcomes(...times(20, "crashed" as const)).map((outcome) => ({ ...outcome, slabId: "1" })),
      "well",
    ],
    [
      "bad ones of long ago",
      outcomes(...times(20, "crashed" as const)).map((outcome) => ({
        ...outcome,
        finishedAtMs: NOW - 31 * MINUTE,
      })),
      "well",
    ],
    [
      "20 good ones since then",
      [
        ...outcomes(...times(40, "crashed" as const)).map((outcome) => ({
          ...outcome,
          slabId: `old ${outcome.slabId}`,
          finishedAtMs: outcome.finishedAtMs - MINUTE,
        })),
        ...outcomes(...times(20, "repaired" as const)),
      ],
      "well",
    ],
  ])("%s", (_what, recent, kind) => {
    expect(nextFleetHealth(WELL, recent, NOW).kind).toBe(kind);
  });

  test("outcomes from before the last recovery do not count", () => {
    const since: FleetHealth = { kind: "well", sinceMs: NOW, lastBackoffMs: 0 };
    expect(nextFleetHealth(since, outcomes(...times(20, "fault" as const)), NOW)).toBe(since);
  });

  test("only a slab's latest outcome counts", () => {
    const bad = outcomes(...times(6, "fault" as const));
    const healed = bad.map((outcome) => ({
      ...outcome,
      outcome: "repaired" as const,
      finishedAtMs: NOW + 1,
    }));
    expect(nextFleetHealth(WELL, [...bad, ...healed], NOW + 1).kind).toBe("well");
  });
});

describe("ill", () => {
  const ill = (backoffMs: number): FleetHealth => ({
    kind: "ill",
    sinceMs: NOW,
    backoffMs,
    backoffFromMs: NOW,
    backoffUntilMs: NOW + backoffMs,
  });
  const later = (ms: number, ...list: RecentOutcome["outcome"][]): RecentOutcome[] =>
    list.map((outcome, n) => ({ slabId: `p${n}`, outcome, finishedAtMs: NOW + ms - n }));

  test("starts with a minute and doubles up to 32 while probes fail", () => {
    let health = nextFleetHealth(WELL, outcomes(...times(5, "fault" as const)), NOW);
    const backoffs: number[] = [];
    let nowMs = NOW;
    for (let round = 0; round < 8; round += 1) {
      if (health.kind !== "ill") throw new Error("expected ill");
      expect(health.sinceMs).toBe(NOW);
      backoffs.push(health.backoffMs / MINUTE);
      const probe: RecentOutcome = { slabId: "p", outcome: "fault", finishedAtMs: nowMs + 1_000 };
      expect(nextFleetHealth(health, [probe], nowMs + 2_000)).toBe(health);
      nowMs = health.backoffUntilMs;
      health = nextFleetHealth(health, [{ ...probe, finishedAtMs: nowMs - 1_000 }], nowMs);
    }
    expect(backoffs).toEqual([1, 2, 4, 8, 16, 32, 32, 32]);
  });

  test("a probe that succeeds ends it at once", () => {
    expect(nextFleetHealth(ill(8 * MINUTE), later(1_000, "repaired"), NOW + 1_000)).toEqual({
      kind: "well",
      sinceMs: NOW + 1_000,
      lastBackoffMs: 8 * MINUTE,
    });
  });

  test("what was bad before the backoff says nothing new", () => {
    const health = ill(MINUTE);
    expect(nextFleetHealth(health, outcomes(...times(20, "fault" as const)), NOW + MINUTE)).toBe(health);
  });

  test("a relapse soon after goes on where it stood, a later one starts anew", () => {
    const well: FleetHealth = { kind: "well", sinceMs: NOW, lastBackoffMs: 4 * MINUTE };
    const bad = later(MINUTE, ...times(5, "crashed" as const));
    expect(nextFleetHealth(well, bad, NOW + MINUTE)).toMatchObject({ kind: "ill", backoffMs: 8 * MINUTE });
    const late = later(9 * MINUTE, ...times(5, "crashed" as const));
    expect(nextFleetHealth(well, late, NOW + 9 * MINUTE)).toMatchObject({ kind: "ill", backoffMs: MINUTE });
  });

  test("claim may lease a probe while it backs off, a few slabs afterwards, all when well", () => {
    expect(claimAllowance(ill(MINUTE), NOW + 1)).toEqual({ kind: "probe" });
    expect(claimAllowance(ill(MINUTE), NOW + MINUTE)).toEqual({ kind: "few", leases: 10 });
    expect(claimAllowance(WELL, NOW)).toEqual({ kind: "all" });
  });
});

test("the limits are the documented ones", () => {
  expect(DEFAULT_FLEET_LIMITS).toEqual({
    firstBackoffMs: MINUTE,
    longestBackoffMs: 32 * MINUTE,
    windowMs: 30 * MINUTE,
    leastBadSlabs: 5,
    mostSlabs: 20,
  });
});
