/**
 * What wakes an operator. Each name is a heading of docs/runbook.md; a test compares. No Pulumi in here.
 *
 * Missing values: what must happen every minute breaches when it is silent; everything else is well until it says so.
 */
import type { MetricName } from "../lib/telemetry/metric-names.ts";
import type { FunctionName } from "./function-settings.ts";

type Statistic = "Sum" | "Maximum" | "Minimum";

/** A metric of ours, of a queue or of a function, as one side of an alarm. */
export type AlarmMetric = { readonly statistic: Statistic } & (
  | {
      readonly of: "fleet";
      readonly name: MetricName;
      readonly service: FunctionName;
      readonly outcome?: string;
    }
  | { readonly of: "repairs" | "deadLetters"; readonly name: "ApproximateAgeOfOldestMessage" }
  | { readonly of: FunctionName; readonly name: "Errors" | "Invocations" }
);

export interface AlarmDefinition {
  /** What it means, in one sentence. */
  readonly means: string;
  readonly metrics: Readonly<Record<string, AlarmMetric>>;
  /** Of the metrics by their key; without it the only one. */
  readonly expression?: string;
  readonly threshold: number;
  readonly breaches: "GreaterThanThreshold" | "LessThanThreshold" | "GreaterThanOrEqualToThreshold";
  readonly periodSeconds: number;
  /** How many periods are looked at, and how many of them must breach. */
  readonly periods: number;
  readonly breachingPeriods: number;
  readonly missing: "breaching" | "notBreaching" | "ignore";
}

const fleet = (
  service: FunctionName,
  name: MetricName,
  statistic: Statistic,
  outcome?: string,
): AlarmMetric => ({
  of: "fleet",
  service,
  name,
  statistic,
  ...(outcome === undefined ? {} : { outcome }),
});

const FIVE_MINUTES = 300;

/** At least one in five minutes, twice: a schedule comes five times in that time. */
const runsEveryMinute = (service: FunctionName) =>
  ({
    metrics: { runs: fleet(service, "RunsCompleted", "Sum") },
    threshold: 1,
    breaches: "LessThanThreshold",
    periodSeconds: FIVE_MINUTES,
    periods: 2,
    breachingPeriods: 2,
    missing: "breaching",
  }) as const;

/** Once is enough. It stays for `periods`, so that a short one is not over before anybody looks. */
const everAbove = (threshold: number, periods: number) =>
  ({
    threshold,
    breaches: "GreaterThanThreshold",
    periodSeconds: FIVE_MINUTES,
    periods,
    breachingPeriods: 1,
    missing: "notBreaching",
  }) as const;

export const ALARMS = {
  "claim-not-running": {
    means: "No run of claim was completed for ten minutes: nothing new is leased.",
    ...runsEveryMinute("claim"),
  },
  "reap-not-running": {
    means:
      "No run of reap was completed for ten minutes: crashed repairs stay leased, and nothing measures the fleet.",
    ...runsEveryMinute("reap"),
  },
  "repairs-not-taken": {
    means: "A message waits for half an hour: nobody takes repairs from the queue.",
    metrics: { age: { of: "repairs", name: "ApproximateAgeOfOldestMessage", statistic: "Maximum" } },
    ...everAbove(1_800, 1),
  },
  "dead-letters": {
    means: "A message failed five times before its repair began.",
    metrics: { letters: fleet("reap", "DeadLetters", "Sum") },
    ...everAbove(0, 1),
  },
  "dead-letters-not-drained": {
    means: "A dead letter is in its queue for ten minutes: reap does not store it.",
    metrics: { age: { of: "deadLetters", name: "ApproximateAgeOfOldestMessage", statistic: "Maximum" } },
    // Its age counts from when the message was first sent, so two periods: drained, it is gone in the second.
    ...everAbove(600, 2),
    breachingPeriods: 2,
  },
  quarantine: {
    means: "The repair of a slab crashed three times while others succeeded: it is left alone for a day.",
    metrics: { slabs: fleet("reap", "QuarantinedSlabs", "Maximum") },
    ...everAbove(0, 1),
  },
  "data-at-risk": {
    means: "Fewer than min_shards sources of a slab answered: its data cannot be read now.",
    metrics: { repairs: fleet("repair", "Repairs", "Sum", "too-few-sources") },
    // For a day: the slab's next attempt may be that far away.
    ...everAbove(0, 288),
  },
  "ill-fleet": {
    means:
      "Most recent repairs of different slabs failed for a reason that is not the slabs': claims back off.",
    metrics: { ill: fleet("reap", "FleetIll", "Maximum") },
    ...everAbove(0, 1),
  },
  "leases-expiring": {
    means: "More repairs crash than end.",
    metrics: {
      crashed: fleet("reap", "LeasesCrashed", "Sum"),
      // As reap sees it: when every repair crashes, repair itself says nothing, and no value is less than none.
      ended: fleet("reap", "RepairsLately", "Maximum"),
    },
    expression: "crashed - ended",
    ...everAbove(0, 3),
    breachingPeriods: 3,
  },
  "backlog-growing": {
    means: "The backlog has grown for an hour without a pause.",
    metrics: { backlog: fleet("reap", "Backlog", "Maximum") },
    expression: "RATE(backlog)",
    ...everAbove(0, 12),
    breachingPeriods: 12,
  },
  "error-rate": {
    means: "More than one repair in twenty ended in a fault, or never began.",
    metrics: {
      ended: fleet("repair", "RepairsEnded", "Sum"),
      faults: fleet("repair", "RepairsAtFault", "Sum"),
      failed: fleet("repair", "MessagesFailed", "Sum"),
      errors: { of: "repair", name: "Errors", statistic: "Sum" },
    },
    // Of fewer than twenty, one says nothing. FILL needs one value in the whole time looked at: a message that failed
    // also says that no repair ended.
    expression:
      "IF(FILL(ended, 0) + FILL(failed, 0) + FILL(errors, 0) >= 20, " +
      "100 * (FILL(faults, 0) + FILL(failed, 0) + FILL(errors, 0)) / (FILL(ended, 0) + FILL(failed, 0) + FILL(errors, 0)), 0)",
    ...everAbove(5, 3),
    breachingPeriods: 2,
  },
  "unknown-indexd-version": {
    means: "indexd's database has a version that this slabmend does not know: nothing is claimed.",
    metrics: { refused: fleet("claim", "UnknownIndexdVersion", "Sum") },
    ...everAbove(0, 1),
  },
} as const satisfies Record<string, AlarmDefinition>;

export type AlarmName = keyof typeof ALARMS;
