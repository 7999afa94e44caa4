import { expect, test } from "vitest";
import {
  commitWrites,
  doublingScheduleMs,
  OUTCOMES,
  type OutcomeKind,
  writesOf,
} from "../../lib/database/leases/outcome-writes.ts";

const HOURS = 3_600_000;
const MINUTES = 60_000;

/**
 * The table in docs/architecture.md#outcomes, written a second time and independently. A row is [outcome, change of
 * indexd's failure counter, next attempt]. For a backoff the third element is the counter that selects the wait, and
 * all waits follow, in milliseconds.
 */
const TABLE: ReadonlyArray<readonly [OutcomeKind, string, string, ...number[]]> = [
  ["repaired", "zero", "keep"],
  ["partial-deadline", "keep", "now"],
  [
    "partial-refused",
    "increment",
    "failed",
    1 * HOURS,
    2 * HOURS,
    4 * HOURS,
    8 * HOURS,
    16 * HOURS,
    24 * HOURS,
  ],
  ["healthy", "keep", "keep"],
  ["no-candidates", "keep", "setbacks", 1 * HOURS, 2 * HOURS, 4 * HOURS, 8 * HOURS, 16 * HOURS, 24 * HOURS],
  [
    "too-few-sources",
    "increment",
    "failed",
    1 * HOURS,
    2 * HOURS,
    4 * HOURS,
    8 * HOURS,
    16 * HOURS,
    24 * HOURS,
  ],
  ["underfunded", "keep", "setbacks", ...[2, 4, 8, 16, 32, 60].map((minutes) => minutes * MINUTES)],
  [
    "interrupted",
    "keep",
    "setbacks",
    ...[2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440].map((minutes) => minutes * MINUTES),
  ],
  [
    "fault",
    "keep",
    "setbacks",
    ...[2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440].map((minutes) => minutes * MINUTES),
  ],
];

test.each(
  TABLE.map(([kind, failedCounter, next, ...scheduleMs]) => ({ kind, failedCounter, next, scheduleMs })),
)("$kind writes what the table of outcomes says", ({ kind, failedCounter, next, scheduleMs }) => {
  const writes = writesOf(kind, "repair");
  expect(writes).toMatchObject({ recordAs: kind, failedCounter, atRisk: kind === "too-few-sources" });
  if (scheduleMs.length === 0) expect(writes.next).toEqual({ kind: next });
  else expect(writes.next).toEqual({ kind: "backoff", countedBy: next, scheduleMs });
  // Our own count of setbacks continues only while our own backoff applies; any other outcome sets it to zero.
  expect(writes.setbacks).toBe(next === "setbacks" ? "increment" : "zero");
});

test.each<[OutcomeKind, OutcomeKind, OutcomeKind]>([
  ["repaired", "partial-dropped", "interrupted"],
  ["partial-deadline", "partial-deadline", "interrupted"],
  ["partial-refused", "partial-refused", "partial-refused"],
  ["underfunded", "underfunded", "underfunded"],
])("%s with some moves dropped is %s, with all %s", (kind, some, all) => {
  const writes = commitWrites(kind, "repair");
  expect(writes.asReported.recordAs).toBe(kind);
  expect(writes.ifSomeDropped.recordAs).toBe(some);
  expect(writes.ifNothingRecorded.recordAs).toBe(all);
});

test.each(OUTCOMES.filter((kind) => kind !== "stale"))(
  "%s of a repair only for a drain does not raise indexd's counter, and no wait exceeds a day",
  (kind) => {
    const { asReported, ...others } = commitWrites(kind, "drain");
    for (const writes of [asReported, ...Object.values(others)])
      expect(writes.failedCounter).not.toBe("increment");
    const isFailure = ["no-candidates", "partial-refused", "too-few-sources"].includes(kind);
    if (!isFailure) return expect(asReported).toEqual(writesOf(kind, "repair"));
    // indexd needs minutes to fund or pin, so the waits are minutes. Waits of hours are for slabs with a fault of their
    // own, and this slab has none.
    const scheduleMs = [2, 4, 8, 16, 32, 60].map((minutes) => minutes * MINUTES);
    expect(asReported).toMatchObject({
      recordAs: kind,
      setbacks: "increment",
      next: { kind: "backoff", countedBy: "setbacks", scheduleMs },
    });
  },
);

test("doublingScheduleMs doubles the delay up to the maximum, which is the last entry", () => {
  expect(doublingScheduleMs(1, 8)).toEqual([1, 2, 4, 8]);
  expect(doublingScheduleMs(1, 7)).toEqual([1, 2, 4, 7]);
  expect(doublingScheduleMs(5, 5)).toEqual([5]);
});
