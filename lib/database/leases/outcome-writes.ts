/**
 * What each outcome of a repair writes about its slab: docs/architecture.md#outcomes. Pure; commit-repair.sql chooses among
 * these, because only it knows, under its locks, the slab's counters and which moves were dropped.
 */

/** The possible outcomes of a repair. */
export type OutcomeKind =
  | "repaired"
  | "partial-deadline"
  | "partial-refused"
  /** The commit dropped some moves, or more sectors were lost than could be repaired: the rest continues immediately. */
  | "partial-dropped"
  | "healthy"
  | "stale"
  | "no-candidates"
  | "too-few-sources"
  | "underfunded"
  | "interrupted"
  | "fault";

/** The kind of job: `drain` is a repair whose only cause was a draining host. */
export type JobKind = "repair" | "drain";

export interface OutcomeWrites {
  /** The outcome recorded in the journal and in `repairs`. */
  readonly recordAs: OutcomeKind;
  /** `slabs.consecutive_failed_repairs`, on which indexd's own backoff depends. */
  readonly failedCounter: "zero" | "keep" | "increment";
  /** `repairs.setbacks`: how often in a row this same outcome required our own backoff. */
  readonly setbacks: "zero" | "increment";
  readonly next: NextAttempt;
  /** The affected objects are listed in `repairs`. */
  readonly atRisk: boolean;
}

/** The new value of `slabs.next_repair_attempt`. */
export type NextAttempt =
  /** The hold stays until it expires. */
  | { readonly kind: "keep" }
  | { readonly kind: "now" }
  /** Now plus entry n of the schedule, where n = failures or setbacks before this one; beyond the end, the last entry. */
  | {
      readonly kind: "backoff";
      readonly countedBy: "failed" | "setbacks";
      readonly scheduleMs: readonly number[];
    };

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** first, 2 x first, 4 x first ... up to and including the longest. */
export function doublingScheduleMs(firstMs: number, longestMs: number): readonly number[] {
  const schedule: number[] = [];
  for (let ms = firstMs; ms < longestMs; ms *= 2) schedule.push(ms);
  return [...schedule, longestMs];
}

/**
 * indexd's own backoff: min(1 h x 2^f, 24 h). The array's length caps f (docs/protocol.md#oddities-of-indexd: the overflow
 * from f = 22).
 */
const FAILED_BACKOFF_MS = doublingScheduleMs(HOUR_MS, DAY_MS);

/**
 * indexd funds accounts and pins sectors every 2 minutes; if an account stays empty for an hour, one attempt an hour is enough.
 */
const UNDERFUNDED_BACKOFF_MS = doublingScheduleMs(2 * MINUTE_MS, HOUR_MS);

/** A deadline or a bug: a quick first retry, then rarer ones if it persists. */
const FAULT_BACKOFF_MS = doublingScheduleMs(2 * MINUTE_MS, DAY_MS);

const KEEP: NextAttempt = { kind: "keep" };
const NOW: NextAttempt = { kind: "now" };
const BY_FAILURES: NextAttempt = { kind: "backoff", countedBy: "failed", scheduleMs: FAILED_BACKOFF_MS };
const bySetbacks = (scheduleMs: readonly number[]): NextAttempt => ({
  kind: "backoff",
  countedBy: "setbacks",
  scheduleMs,
});

const WRITES: Readonly<Record<OutcomeKind, Omit<OutcomeWrites, "recordAs" | "atRisk">>> = {
  repaired: { failedCounter: "zero", setbacks: "zero", next: KEEP },
  "partial-deadline": { failedCounter: "keep", setbacks: "zero", next: NOW },
  "partial-dropped": { failedCounter: "keep", setbacks: "zero", next: NOW },
  "partial-refused": { failedCounter: "increment", setbacks: "zero", next: BY_FAILURES },
  healthy: { failedCounter: "keep", setbacks: "zero", next: KEEP },
  // Never used: commit-repair.sql returns before it reads this.
  stale: { failedCounter: "keep", setbacks: "zero", next: KEEP },
  // indexd's counter stays: hosts are missing, the slab is not at fault.
  "no-candidates": { failedCounter: "keep", setbacks: "increment", next: bySetbacks(FAILED_BACKOFF_MS) },
  "too-few-sources": { failedCounter: "increment", setbacks: "zero", next: BY_FAILURES },
  underfunded: { failedCounter: "keep", setbacks: "increment", next: bySetbacks(UNDERFUNDED_BACKOFF_MS) },
  interrupted: { failedCounter: "keep", setbacks: "increment", next: bySetbacks(FAULT_BACKOFF_MS) },
  fault: { failedCounter: "keep", setbacks: "increment", next: bySetbacks(FAULT_BACKOFF_MS) },
};

/** The slab is healthy, so indexd's counter stays; and indexd may soon provide the room or funds that a drain waits for. */
const DRAIN_FAILED: Pick<OutcomeWrites, "failedCounter" | "setbacks" | "next"> = {
  failedCounter: "keep",
  setbacks: "increment",
  next: bySetbacks(UNDERFUNDED_BACKOFF_MS),
};

/** All outcomes, to initialize counters. */
export const OUTCOMES = Object.keys(WRITES) as readonly OutcomeKind[];

export function writesOf(kind: OutcomeKind, job: JobKind): OutcomeWrites {
  const writes: OutcomeWrites = { recordAs: kind, atRisk: kind === "too-few-sources", ...WRITES[kind] };
  const isFailure = writes.failedCounter === "increment" || kind === "no-candidates";
  return job === "drain" && isFailure ? { ...writes, ...DRAIN_FAILED } : writes;
}

/** What the commit may write after judging the moves under its locks. */
export interface CommitWrites {
  /** Every sector that had to move was recorded, or no longer needs to move. */
  readonly asReported: OutcomeWrites;
  /** Some moves were dropped although still needed: their new host was blocked, or another slab's commit took it. */
  readonly ifSomeDropped: OutcomeWrites;
  /** All moves were dropped. */
  readonly ifNothingRecorded: OutcomeWrites;
  /** No move was recorded, and so many hosts deny at this moment that the cause is on our side. */
  readonly ifDenialsIgnored: OutcomeWrites;
  /** Every sector that still has to move is a lost, wrongly pinned shard that no repair can reproduce. */
  readonly ifOnlyBadShardsLeft: OutcomeWrites;
}

/**
 * For a repair that reported itself as complete, or wants to continue immediately. If moves were dropped or a source was denied,
 * it continues immediately if it made progress; otherwise it waits, so that it does not move the same bytes again and again.
 */
export function commitWrites(kind: OutcomeKind, job: JobKind): CommitWrites {
  const asReported = writesOf(kind, job);
  const ifDenialsIgnored = writesOf("fault", job);
  const isComplete = kind === "repaired" || kind === "healthy";
  const ifOnlyBadShardsLeft: OutcomeWrites = isComplete
    ? { ...asReported, setbacks: "increment", next: bySetbacks(FAILED_BACKOFF_MS) }
    : asReported;
  if (kind !== "repaired" && kind !== "partial-deadline") {
    return {
      asReported,
      ifSomeDropped: asReported,
      ifNothingRecorded: asReported,
      ifDenialsIgnored,
      ifOnlyBadShardsLeft,
    };
  }
  return {
    asReported,
    ifSomeDropped: writesOf(kind === "repaired" ? "partial-dropped" : kind, job),
    ifNothingRecorded: writesOf("interrupted", job),
    ifDenialsIgnored,
    ifOnlyBadShardsLeft,
  };
}
