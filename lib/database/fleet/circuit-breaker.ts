/**
 * The fleet's circuit breaker. If repairs of many different slabs end badly at the same time, the slabs are not the
 * cause: hosts may be unreachable, accounts without funds, the release bad, or the memory too small. Then the breaker
 * opens: no slab is quarantined, and claim backs off:
 *
 *   closed --most of the latest outcomes bad--> open, backing off 1 min
 *   open   --most outcomes since then good----> closed
 *   open   --backoff over, still mostly bad---> open, backing off twice as long, at most 32 min
 *   open   --backoff over, nothing finished---> open; claim may try a few slabs (half-open)
 *   closed --bad again soon after closing-----> open, backing off twice as long as last time
 *
 * During a backoff claim leases one slab a minute as a trial (a probe), so that the fleet notices early that repairs
 * work again. Pure.
 */
import type { OutcomeKind } from "../leases/outcome-writes.ts";

export interface RecentOutcome {
  readonly slabId: string;
  readonly outcome: OutcomeKind | "crashed";
  readonly finishedAtMs: number;
}

export type CircuitBreaker =
  /** `lastBackoffMs`: how long claim backed off when the breaker was last open; 0: it was never open. */
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
  /** Older outcomes are ignored. */
  readonly windowMs: number;
  /**
   * The breaker opens only if at least this many slabs ended badly; if fewer did, the slabs themselves may be the
   * cause.
   */
  readonly leastBadSlabs: number;
  /** The latest outcomes of at most this many slabs are considered. */
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
  breaker: CircuitBreaker,
  outcomes: readonly RecentOutcome[],
  nowMs: number,
  limits: BreakerLimits = DEFAULT_BREAKER_LIMITS,
): CircuitBreaker {
  const from = breaker.kind === "closed" ? breaker.sinceMs : breaker.backoffFromMs;
  const latest = latestOfEachSlab(outcomes, Math.max(from, nowMs - limits.windowMs)).slice(
    0,
    limits.mostSlabs,
  );
  const bad = latest.filter(({ outcome }) => BAD.has(outcome)).length;
  const mostAreBad = bad * 2 > latest.length;
  if (breaker.kind === "closed") {
    if (!mostAreBad || bad < limits.leastBadSlabs) return breaker;
    const relapse = breaker.lastBackoffMs > 0 && nowMs - breaker.sinceMs < 2 * breaker.lastBackoffMs;
    return openFrom(nowMs, nowMs, relapse ? breaker.lastBackoffMs * 2 : limits.firstBackoffMs, limits);
  }
  if (latest.length === 0) return breaker;
  if (!mostAreBad) return { kind: "closed", sinceMs: nowMs, lastBackoffMs: breaker.backoffMs };
  if (nowMs < breaker.backoffUntilMs) return breaker;
  return openFrom(breaker.sinceMs, nowMs, breaker.backoffMs * 2, limits);
}

/** How much claim may lease. */
export type ClaimAllowance =
  | { readonly kind: "all" }
  /** The backoff is over, but it is not yet known whether repairs work again. */
  | { readonly kind: "few"; readonly leases: number }
  /** The backoff is not over: at most one slab a minute. */
  | { readonly kind: "probe" };

const TRIAL_LEASES = 10;

export function claimAllowance(breaker: CircuitBreaker, nowMs: number): ClaimAllowance {
  if (breaker.kind === "closed") return { kind: "all" };
  return nowMs < breaker.backoffUntilMs ? { kind: "probe" } : { kind: "few", leases: TRIAL_LEASES };
}

function openFrom(sinceMs: number, nowMs: number, backoffMs: number, limits: BreakerLimits): CircuitBreaker {
  const bounded = Math.min(backoffMs, limits.longestBackoffMs);
  return { kind: "open", sinceMs, backoffMs: bounded, backoffFromMs: nowMs, backoffUntilMs: nowMs + bounded };
}

/** The latest outcome of each slab, newest first: a slab that fails repeatedly counts once. */
function latestOfEachSlab(outcomes: readonly RecentOutcome[], afterMs: number): RecentOutcome[] {
  const seen = new Set<string>();
  return outcomes
    .filter(({ finishedAtMs }) => finishedAtMs > afterMs)
    .toSorted((a, b) => b.finishedAtMs - a.finishedAtMs)
    .filter(({ slabId }) => !seen.has(slabId) && seen.add(slabId));
}
