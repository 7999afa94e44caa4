/**
 * What each outcome of a repair writes about its slab: docs/architecture.md#outcomes. Pure; commit-repair.sql does as
 * told, because only it knows, under the locks, the slab's counters and which moves were dropped.
 */

/** What a repair can end in. */
export type OutcomeKind =
  | "repaired"
  | "partial-deadline"
  | "partial-refused"
  /** Some moves were dropped by the commit, or more was found lost than could be repaired: the rest goes on at once. */
  | "partial-dropped"
  | "healthy"
  | "stale"
  | "no-candidates"
  | "too-few-sources"
  | "underfunded"
  | "interrupted"
  | "fault";

/** Which job: `drain` is a repair that had no other cause than a host that is drained. */
export type JobKind = "repair" | "drain";

export interface OutcomeWrites {
  /** What the journal and `repairs` call it. */
  readonly recordAs: OutcomeKind;
  /** `slabs.consecutive_failed_repairs`, which indexd's own backoff counts by. */
  readonly failedCounter: "zero" | "keep" | "increment";
  /** `repairs.setbacks`: how often in a row our own backoff was needed for this same outcome. */
  readonly setbacks: "zero" | "increment";
  readonly next: NextAttempt;
  /** The concerned objects are listed in `repairs`. */
  readonly atRisk: boolean;
}

/** What becomes of `slabs.next_repair_attempt`. */
export type NextAttempt =
  /** The hold stays and runs out by itself. */
  | { readonly kind: "keep" }
  | { readonly kind: "now" }
  /** Entry number n of the schedule from now, n = failures or setbacks before this one; the last entry from there on. */
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
 * indexd's own: min(1 h x 2^f, 24 h). Its length is the clamp (docs/protocol.md#oddities-of-indexd: the overflow from
 * f = 22).
 */
const FAILED_BACKOFF_MS = doublingScheduleMs(HOUR_MS, DAY_MS);

/** indexd funds accounts, and pins, every 2 minutes; an account that is dry for an hour is not looked at more often than that. */
const UNDERFUNDED_BACKOFF_MS = doublingScheduleMs(2 * MINUTE_MS, HOUR_MS);

/** A deadline or a bug: soon once, rarely when it goes on. */
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
  // Writes nothing: commit-repair.sql ends before it looks here.
  stale: { failedCounter: "keep", setbacks: "zero", next: KEEP },
  // Not indexd's counter: hosts are missing, the slab is no worse.
  "no-candidates": { failedCounter: "keep", setbacks: "increment", next: bySetbacks(FAILED_BACKOFF_MS) },
  "too-few-sources": { failedCounter: "increment", setbacks: "zero", next: BY_FAILURES },
  underfunded: { failedCounter: "keep", setbacks: "increment", next: bySetbacks(UNDERFUNDED_BACKOFF_MS) },
  interrupted: { failedCounter: "keep", setbacks: "increment", next: bySetbacks(FAULT_BACKOFF_MS) },
  fault: { failedCounter: "keep", setbacks: "increment", next: bySetbacks(FAULT_BACKOFF_MS) },
};

/** Nothing is wrong with the slab, so its own counter stays; and what a drain waits for, room or funds, indexd may give soon. */
const DRAIN_FAILED: Pick<OutcomeWrites, "failedCounter" | "setbacks" | "next"> = {
  failedCounter: "keep",
  setbacks: "increment",
  next: bySetbacks(UNDERFUNDED_BACKOFF_MS),
};

/** All of them, for those that count them. */
export const OUTCOMES = Object.keys(WRITES) as readonly OutcomeKind[];

export function writesOf(kind: OutcomeKind, job: JobKind): OutcomeWrites {
  const writes: OutcomeWrites = { recordAs: kind, atRisk: kind === "too-few-sources", ...WRITES[kind] };
  const isFailure = writes.failedCounter === "increment" || kind === "no-candidates";
  return job === "drain" && isFailure ? { ...writes, ...DRAIN_FAILED } : writes;
}

/** What the commit may come to once it has judged the moves under its locks. */
export interface CommitWrites {
  /** Every sector that had to move was recorded, or need not move any more. */
  readonly asReported: OutcomeWrites;
  /** Some were dropped though they still have to move: their new host was blocked, or taken by another slab's commit. */
  readonly ifSomeDropped: OutcomeWrites;
  /** All were. */
  readonly ifNothingRecorded: OutcomeWrites;
  /** Nothing was, and so many hosts deny at this moment that the cause is ours. */
  readonly ifDenialsIgnored: OutcomeWrites;
  /** Every sector that still has to move is a shard that was pinned wrongly, lost, and that no repair yields. */
  readonly ifOnlyBadShardsLeft: OutcomeWrites;
}

/**
 * A repair that thought itself complete, or wants to go on at once, but had moves dropped or was denied a source: with
 * progress it goes on at once; without any it waits, so that it does not move the same bytes again and again.
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
