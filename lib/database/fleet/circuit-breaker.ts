/**
 * An ill fleet: when most recent outcomes of different slabs are bad, the cause is not the slabs (hosts unreachable,
 * accounts dry, a bad release, memory too small). Then nobody goes to quarantine, and claim backs off:
 *
 *   well --most of the latest outcomes bad--> ill, backing off 1 min
 *   ill  --most outcomes since then good-----> well
 *   ill  --backoff over, still mostly bad----> ill, backing off twice as long, at most 32 min
 *   ill  --backoff over, nothing finished----> ill; claim may try a few slabs
 *   well again, and ill soon after ----------> ill, backing off twice as long as last time
 *
 * While it backs off claim leases one slab a minute, the probe, so that recovery is noticed early. Pure.
 */
import type { OutcomeKind } from "../leases/outcome-writes.ts";

export interface RecentOutcome {
  readonly slabId: string;
  readonly outcome: OutcomeKind | "crashed";
  readonly finishedAtMs: number;
}

export type CircuitBreaker =
  /** `lastBackoffMs`: how long the last illness had made us wait; 0 = never ill. */
  | { readonly kind: "closed"; readonly sinceMs: number; readonly lastBackoffMs: number }
  | {
      readonly kind: "open";
      readonly sinceMs: number;
      readonly backoffMs: number;
      readonly backoffFromMs: number;
      readonly backoffUntilMs: number;
    };

export interface BreakerLimits {
  readonly firstBackoffMs: number;
  readonly longestBackoffMs: number;
  /** Older outcomes say nothing about now. */
  readonly windowMs: number;
  /** Fewer bad slabs than this may be the slabs' own fault. */
  readonly leastBadSlabs: number;
  /** How many slabs' latest outcomes are looked at. */
  readonly mostSlabs: number;
}

export const DEFAULT_BREAKER_LIMITS: BreakerLimits = {
  firstBackoffMs: 60_000,
  longestBackoffMs: 32 * 60_000,
  windowMs: 30 * 60_000,
  leastBadSlabs: 5,
  mostSlabs: 20,
};

const BAD: ReadonlySet<RecentOutcome["outcome"]> = new Set([
  "crashed",
  "fault",
  "underfunded",
  "no-candidates",
]);

export function nextBreaker(
  before: CircuitBreaker,
  outcomes: readonly RecentOutcome[],
  nowMs: number,
  limits: BreakerLimits = DEFAULT_BREAKER_LIMITS,
): CircuitBreaker {
  const health = notAhead(before, nowMs);
  const from = health.kind === "closed" ? health.sinceMs : health.backoffFromMs;
  const latest = latestOfEachSlab(outcomes, Math.max(from, nowMs - limits.windowMs)).slice(
    0,
    limits.mostSlabs,
  );
  const bad = latest.filter(({ outcome }) => BAD.has(outcome)).length;
  const mostAreBad = bad * 2 > latest.length;
  if (health.kind === "closed") {
    if (!mostAreBad || bad < limits.leastBadSlabs) return health;
    const relapse = health.lastBackoffMs > 0 && nowMs - health.sinceMs < 2 * health.lastBackoffMs;
    return illFrom(nowMs, nowMs, relapse ? health.lastBackoffMs * 2 : limits.firstBackoffMs, limits);
  }
  if (latest.length === 0) return health;
  if (!mostAreBad) return { kind: "closed", sinceMs: nowMs, lastBackoffMs: health.backoffMs };
  if (nowMs < health.backoffUntilMs) return health;
  return illFrom(health.sinceMs, nowMs, health.backoffMs * 2, limits);
}

/** How much claim may lease. */
export type ClaimAllowance =
  | { readonly kind: "all" }
  /** The backoff is over, but nothing has shown yet whether the fleet is well. */
  | { readonly kind: "few"; readonly leases: number }
  /** At most one a minute. */
  | { readonly kind: "probe" };

const TRIAL_LEASES = 10;

export function claimAllowance(health: CircuitBreaker, nowMs: number): ClaimAllowance {
  if (health.kind === "closed") return { kind: "all" };
  return nowMs < health.backoffUntilMs ? { kind: "probe" } : { kind: "few", leases: TRIAL_LEASES };
}

/**
 * A clock that was set back leaves times that lie ahead; until they came no outcome would count, and claim would go on backing off. They
 * are taken as now: at worst a backoff begins anew.
 */
function notAhead(health: CircuitBreaker, nowMs: number): CircuitBreaker {
  const sinceMs = Math.min(health.sinceMs, nowMs);
  if (health.kind === "closed") return sinceMs === health.sinceMs ? health : { ...health, sinceMs };
  if (health.backoffFromMs <= nowMs) return health;
  return { ...health, sinceMs, backoffFromMs: nowMs, backoffUntilMs: nowMs + health.backoffMs };
}

function illFrom(sinceMs: number, nowMs: number, backoffMs: number, limits: BreakerLimits): CircuitBreaker {
  const bounded = Math.min(backoffMs, limits.longestBackoffMs);
  return { kind: "open", sinceMs, backoffMs: bounded, backoffFromMs: nowMs, backoffUntilMs: nowMs + bounded };
}

/** Newest first. One slab that fails over and over is one voice. */
function latestOfEachSlab(outcomes: readonly RecentOutcome[], afterMs: number): RecentOutcome[] {
  const seen = new Set<string>();
  return outcomes
    .filter(({ finishedAtMs }) => finishedAtMs > afterMs)
    .toSorted((a, b) => b.finishedAtMs - a.finishedAtMs)
    .filter(({ slabId }) => !seen.has(slabId) && seen.add(slabId));
}
