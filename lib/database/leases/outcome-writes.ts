/**
 * What each outcome of a repair writes about its slab: docs/architecture.md#outcomes. Pure: commit-repair.sql chooses
 * which of these writes to make, because only that function, holding its locks, knows the slab's counters and the
 * dropped moves.
 */

/** The possible outcomes of a repair. */
export type OutcomeKind =
  | "repaired"
  | "partial-deadline"
  | "partial-refused"
  /** The commit dropped some moves, or a host denied a source: the rest of the repair continues immediately. */
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
  /** True: data is at risk, so the affected objects are listed in `repairs`. */
  readonly atRisk: boolean;
}

/** The new value of `slabs.next_repair_attempt`. */
export type NextAttempt =
  /** The value stays as it is: the end of the present hold. */
  | { readonly kind: "keep" }
  | { readonly kind: "now" }
  /**
   * Now plus entry n of the schedule, counted from 0: n is the number of failures or setbacks before this one. If the
   * schedule has no entry n, its last entry is added instead.
   */
  | {
      readonly kind: "backoff";
      readonly countedBy: "failed" | "setbacks";
      readonly scheduleMs: readonly number[];
    };

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Delays that double, starting with `firstMs`, as long as they are below `longestMs`; the last delay is `longestMs`.
 */
export function doublingScheduleMs(firstMs: number, longestMs: number): readonly number[] {
  const schedule: number[] = [];
  for (let ms = firstMs; ms < longestMs; ms *= 2) schedule.push(ms);
  return [...schedule, longestMs];
}

/**
 * indexd's own backoff: min(1 h x 2^f, 24 h), where f is the number of failures. The length of our schedule limits f,
 * because indexd's product overflows from f = 22 on (docs/protocol.md#oddities-of-indexd).
 */
const FAILED_BACKOFF_MS = doublingScheduleMs(HOUR_MS, DAY_MS);

/**
 * Minutes at first, because indexd funds accounts and pins sectors every 2 minutes. Once an account has been empty for
 * an hour, one attempt an hour is enough.
 */
const UNDERFUNDED_BACKOFF_MS = doublingScheduleMs(2 * MINUTE_MS, HOUR_MS);

/** After a deadline or a bug: first a quick retry, then rarer ones if the failure persists. */
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
  // indexd's counter stays unchanged, because the slab is not at fault: there are too few hosts.
  "no-candidates": { failedCounter: "keep", setbacks: "increment", next: bySetbacks(FAILED_BACKOFF_MS) },
  "too-few-sources": { failedCounter: "increment", setbacks: "zero", next: BY_FAILURES },
  underfunded: { failedCounter: "keep", setbacks: "increment", next: bySetbacks(UNDERFUNDED_BACKOFF_MS) },
  interrupted: { failedCounter: "keep", setbacks: "increment", next: bySetbacks(FAULT_BACKOFF_MS) },
  fault: { failedCounter: "keep", setbacks: "increment", next: bySetbacks(FAULT_BACKOFF_MS) },
};

/**
 * The writes of a failed drain. The slab is healthy, so indexd's counter stays unchanged. The backoff is short, because
 * indexd may soon provide the room or the funds that the drain needs.
 */
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
  /** Every sector that had to move was recorded on its new host, or no longer needs to move. */
  readonly asReported: OutcomeWrites;
  /** Some moves were dropped although still needed: their new host was blocked, or taken by another slab's commit. */
  readonly ifSomeDropped: OutcomeWrites;
  /** All moves were dropped. */
  readonly ifNothingRecorded: OutcomeWrites;
  /** No move was recorded, and so many hosts deny at this moment that the cause is on our side. */
  readonly ifDenialsIgnored: OutcomeWrites;
  /** Every sector that still has to move is a lost, wrongly pinned shard that no repair can reproduce. */
  readonly ifOnlyBadShardsLeft: OutcomeWrites;
}

/**
 * What the commit of a repair with this reported outcome may write. After `repaired` and `partial-deadline` it matters
 * whether moves were dropped or a source was denied: if so, a repair that recorded some moves continues immediately. A
 * repair that recorded none waits, so that it does not move the same bytes again and again.
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
