import { describe, expect, test } from "vitest";
import {
  type CircuitBreaker,
  claimAllowance,
  DEFAULT_BREAKER_LIMITS,
  nextBreaker,
  type RecentOutcome,
} from "../../lib/database/fleet/circuit-breaker.ts";

const MINUTE = 60_000;
const NOW = 1_000 * MINUTE;
const CLOSED: CircuitBreaker = { kind: "closed", sinceMs: 0, lastBackoffMs: 0 };

/** Outcomes of different slabs, one per second, the last of them now. */
function outcomes(...list: RecentOutcome["outcome"][]): RecentOutcome[] {
  return list.map((outcome, n) => ({
    slabId: String(n),
    outcome,
    finishedAtMs: NOW - (list.length - 1 - n) * 1_000,
  }));
}
const times = <Item>(n: number, item: Item): Item[] => Array.from({ length: n }, () => item);

describe("a closed circuit breaker", () => {
  test.each<[string, RecentOutcome[], "closed" | "open"]>([
    ["nothing finished", [], "closed"],
    ["all repaired", outcomes(...times(20, "repaired" as const)), "closed"],
    ["four failures, which may be caused by the slabs", outcomes(...times(4, "crashed" as const)), "closed"],
    ["five bad ones", outcomes(...times(5, "crashed" as const)), "open"],
    ["failures of every kind", outcomes("crashed", "fault", "underfunded", "no-candidates", "fault"), "open"],
    [
      "outcomes caused by the slabs",
      outcomes("too-few-sources", "partial-refused", "interrupted", "too-few-sources", "partial-deadline"),
      "closed",
    ],
    ["half of them bad", outcomes(...times(5, "fault" as const), ...times(5, "repaired" as const)), "closed"],
    ["most of them bad", outcomes(...times(6, "fault" as const), ...times(5, "repaired" as const)), "open"],
    [
      "one slab that fails repeatedly",
      outcomes(...times(20, "crashed" as const)).map((outcome) => ({ ...outcome, slabId: "1" })),
      "closed",
    ],
    [
      "old failures",
      outcomes(...times(20, "crashed" as const)).map((outcome) => ({
        ...outcome,
        finishedAtMs: NOW - 31 * MINUTE,
      })),
      "closed",
    ],
    [
      "20 later successes",
      [
        ...outcomes(...times(40, "crashed" as const)).map((outcome) => ({
          ...outcome,
          slabId: `old ${outcome.slabId}`,
          finishedAtMs: outcome.finishedAtMs - MINUTE,
        })),
        ...outcomes(...times(20, "repaired" as const)),
      ],
      "closed",
    ],
  ])("%s", (_what, recent, kind) => {
    expect(nextBreaker(CLOSED, recent, NOW).kind).toBe(kind);
  });

  test("the circuit breaker ignores outcomes before its last recovery", () => {
    const since: CircuitBreaker = { kind: "closed", sinceMs: NOW, lastBackoffMs: 0 };
    expect(nextBreaker(since, outcomes(...times(20, "fault" as const)), NOW)).toBe(since);
  });

  test("the circuit breaker stays closed if each slab that failed was repaired afterwards", () => {
    const bad = outcomes(...times(6, "fault" as const));
    const healed = bad.map((outcome) => ({
      ...outcome,
      outcome: "repaired" as const,
      finishedAtMs: NOW + 1,
    }));
    expect(nextBreaker(CLOSED, [...bad, ...healed], NOW + 1).kind).toBe("closed");
  });
});

describe("an open circuit breaker", () => {
  const open = (backoffMs: number): CircuitBreaker => ({
    kind: "open",
    sinceMs: NOW,
    backoffMs,
    backoffFromMs: NOW,
    backoffUntilMs: NOW + backoffMs,
  });
  const later = (ms: number, ...list: RecentOutcome["outcome"][]): RecentOutcome[] =>
    list.map((outcome, n) => ({ slabId: `p${n}`, outcome, finishedAtMs: NOW + ms - n }));

  test("the backoff starts with one minute and doubles up to 32 minutes while probes fail", () => {
    let health = nextBreaker(CLOSED, outcomes(...times(5, "fault" as const)), NOW);
    const backoffs: number[] = [];
    let nowMs = NOW;
    for (let round = 0; round < 8; round += 1) {
      if (health.kind !== "open") throw new Error("expected open");
      expect(health.sinceMs).toBe(NOW);
      backoffs.push(health.backoffMs / MINUTE);
      const probe: RecentOutcome = { slabId: "p", outcome: "fault", finishedAtMs: nowMs + 1_000 };
      expect(nextBreaker(health, [probe], nowMs + 2_000)).toBe(health);
      nowMs = health.backoffUntilMs;
      health = nextBreaker(health, [{ ...probe, finishedAtMs: nowMs - 1_000 }], nowMs);
    }
    expect(backoffs).toEqual([1, 2, 4, 8, 16, 32, 32, 32]);
  });

  test("a successful probe closes the circuit breaker at once", () => {
    expect(nextBreaker(open(8 * MINUTE), later(1_000, "repaired"), NOW + 1_000)).toEqual({
      kind: "closed",
      sinceMs: NOW + 1_000,
      lastBackoffMs: 8 * MINUTE,
    });
  });

  test("repairs that failed before the backoff began do not lengthen it", () => {
    const health = open(MINUTE);
    expect(nextBreaker(health, outcomes(...times(20, "fault" as const)), NOW + MINUTE)).toBe(health);
  });

  test("if the circuit breaker reopens 1 minute after closing, the backoff doubles; if 9 minutes after, it is 1 minute", () => {
    const closed: CircuitBreaker = { kind: "closed", sinceMs: NOW, lastBackoffMs: 4 * MINUTE };
    const bad = later(MINUTE, ...times(5, "crashed" as const));
    expect(nextBreaker(closed, bad, NOW + MINUTE)).toMatchObject({ kind: "open", backoffMs: 8 * MINUTE });
    const late = later(9 * MINUTE, ...times(5, "crashed" as const));
    expect(nextBreaker(closed, late, NOW + 9 * MINUTE)).toMatchObject({ kind: "open", backoffMs: MINUTE });
  });

  test("claim may lease one slab as a trial during a backoff, ten slabs after it, and all while the circuit breaker is closed", () => {
    expect(claimAllowance(open(MINUTE), NOW + 1)).toEqual({ kind: "probe" });
    expect(claimAllowance(open(MINUTE), NOW + MINUTE)).toEqual({ kind: "few", leases: 10 });
    expect(claimAllowance(CLOSED, NOW)).toEqual({ kind: "all" });
  });
});

test("the circuit breaker's limits are the documented ones", () => {
  expect(DEFAULT_BREAKER_LIMITS).toEqual({
    firstBackoffMs: MINUTE,
    longestBackoffMs: 32 * MINUTE,
    windowMs: 30 * MINUTE,
    leastBadSlabs: 5,
    mostSlabs: 20,
  });
});
