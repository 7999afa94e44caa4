/**
 * Alarms for the operator. A test checks that each name is a heading of docs/runbook.md. This file does not use Pulumi.
 *
 * If a metric has no values, an alarm on something that must happen every minute fires, and every other alarm stays
 * quiet.
 */
import type { MetricName } from "../lib/telemetry/metric-names.ts";
import type { FunctionName } from "./function-settings.ts";
import { REPAIR_TIMEOUT_SECONDS, VISIBILITY_TIMEOUT_SECONDS } from "./limits.ts";

/*
 * An expression uses only metrics that are always printed together: CloudWatch does not compute it if a metric is
 * missing.
 */
type Statistic = "Sum" | "Maximum" | "Minimum";

/** A metric that an alarm watches: one of slabmend's own, one of a queue, or one of a function. */
export type AlarmMetric = { readonly statistic: Statistic } & (
  | { readonly of: "fleet"; readonly name: MetricName; readonly service: FunctionName }
  | { readonly of: "repairs" | "deadLetters"; readonly name: "ApproximateAgeOfOldestMessage" }
  | { readonly of: FunctionName; readonly name: "Errors" | "Invocations" }
);

export interface AlarmDefinition {
  /** The alarm's meaning in one sentence. */
  readonly means: string;
  readonly metrics: Readonly<Record<string, AlarmMetric>>;
  /** An expression over the metrics' keys. Undefined: the alarm watches its only metric. */
  readonly expression?: string;
  readonly threshold: number;
  readonly breaches: "GreaterThanThreshold" | "LessThanThreshold" | "GreaterThanOrEqualToThreshold";
  readonly periodSeconds: number;
  /** The alarm looks at the last `periods` periods, and fires if `breachingPeriods` of them breach the threshold. */
  readonly periods: number;
  readonly breachingPeriods: number;
  readonly missing: "breaching" | "notBreaching" | "ignore";
}

const fleet = (service: FunctionName, name: MetricName, statistic: Statistic): AlarmMetric => ({
  of: "fleet",
  service,
  name,
  statistic,
});

const FIVE_MINUTES = 300;
const HALF_HOUR = 1_800;
const HOUR = 3_600;
const DAY = 86_400;

/**
 * Fires if two successive periods of five minutes pass without a completed run; the schedule starts five runs in each
 * period.
 */
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

/**
 * Fires as soon as one period breaches, and then stays on for `periods` periods, so that a short problem is noticed.
 */
const everAbove = (threshold: number, periods: number) =>
  ({
    threshold,
    breaches: "GreaterThanThreshold",
    periodSeconds: FIVE_MINUTES,
    periods,
    breachingPeriods: 1,
    missing: "notBreaching",
  }) as const;

/**
 * Fires if, within half an hour, the metric `bad` is at least three and more than a twentieth of the metric `all`. The
 * minimum of three keeps a small fleet from raising the alarm for one failure.
 */
const moreThanAFew = (bad: string, all: string) =>
  ({
    expression: `IF(${bad} >= 3, 100 * ${bad} / ${all}, 0)`,
    ...everAbove(5, 1),
    periodSeconds: HALF_HOUR,
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
    means: "A message has waited for three quarters of an hour: no worker takes repairs from the queue.",
    metrics: { age: { of: "repairs", name: "ApproximateAgeOfOldestMessage", statistic: "Maximum" } },
    // While workers take messages, no message becomes older than this threshold. After a worker's crash its message is
    // hidden for the visibility timeout, then delivered again and dropped. A message that fails at each delivery
    // becomes a dead letter before it reaches the threshold.
    ...everAbove(VISIBILITY_TIMEOUT_SECONDS + 3 * REPAIR_TIMEOUT_SECONDS, 1),
  },
  "dead-letters": {
    means: "A message failed five times before its repair began.",
    metrics: { letters: fleet("reap", "DeadLetters", "Sum") },
    ...everAbove(0, 1),
  },
  "dead-letters-not-drained": {
    means: "A dead letter has been in its queue for ten minutes: reap does not store it.",
    metrics: { age: { of: "deadLetters", name: "ApproximateAgeOfOldestMessage", statistic: "Maximum" } },
    // The age counts from the first sending of the message, to the repair queue, so a message may already be too old
    // when it becomes a dead letter. Therefore the alarm fires only if two periods breach: if reap works, the message
    // is gone in the second.
    ...everAbove(600, 2),
    breachingPeriods: 2,
  },
  quarantine: {
    means: "The repair of a slab crashed three times while others succeeded: it is skipped for a day.",
    metrics: { slabs: fleet("reap", "QuarantinedSlabs", "Maximum") },
    ...everAbove(0, 1),
  },
  "data-at-risk": {
    means: "Fewer than min_shards sources of a slab answered: its data cannot be read now.",
    // The metric is computed from the journal, because repairs on other machines print no metrics to CloudWatch. The
    // alarm ends within minutes, so that the next slab raises it again.
    metrics: { slabs: fleet("reap", "SlabsFoundAtRisk", "Maximum") },
    ...everAbove(0, 1),
  },
  "circuit-breaker-open": {
    means: "Most of the recent repairs, of different slabs, failed for a common reason: claims back off.",
    metrics: { open: fleet("reap", "CircuitBreakerOpen", "Maximum") },
    ...everAbove(0, 1),
  },
  "leases-expiring": {
    means: "More leases expire (crashed or never begun) than repairs end.",
    metrics: {
      crashed: fleet("reap", "LeasesCrashed", "Sum"),
      freed: fleet("reap", "LeasesFreed", "Sum"),
      // reap counts the ended repairs, because repair itself reports nothing if every repair crashes, and without a
      // value the alarm does not fire.
      ended: fleet("reap", "RepairsLately", "Maximum"),
    },
    expression: "crashed + freed - ended",
    ...everAbove(0, 3),
    breachingPeriods: 3,
  },
  "backlog-growing": {
    means: "The backlog has grown by more than a twentieth within an hour.",
    // The alarm compares the minimum of each hour, so that slabs found and repaired within the same hour do not count.
    metrics: { backlog: fleet("reap", "Backlog", "Minimum") },
    expression: "IF(backlog >= 20, 100 * DIFF(backlog) / backlog, 0)",
    // The alarm looks at two periods, because DIFF needs the value of the previous period.
    ...everAbove(5, 2),
    periodSeconds: HOUR,
  },
  "error-rate": {
    means: "More than one repair in twenty ended in a fault.",
    // Both metrics are computed from the journal, for all workers, and are always present together.
    metrics: {
      faults: fleet("reap", "FaultsInHalfHour", "Maximum"),
      ended: fleet("reap", "RepairsInHalfHour", "Maximum"),
    },
    ...moreThanAFew("faults", "ended"),
  },
  "messages-failing": {
    means: "More than one message in twenty failed before its repair began.",
    metrics: {
      failed: fleet("repair", "MessagesFailed", "Sum"),
      // Each invocation handles one message, so this is the number of messages received.
      invocations: { of: "repair", name: "Invocations", statistic: "Sum" },
    },
    ...moreThanAFew("failed", "invocations"),
  },
  "repair-crashing": {
    means: "More than one invocation of repair in twenty crashed, ran out of time or could not start.",
    metrics: {
      errors: { of: "repair", name: "Errors", statistic: "Sum" },
      invocations: { of: "repair", name: "Invocations", statistic: "Sum" },
    },
    ...moreThanAFew("errors", "invocations"),
  },
  "unknown-indexd-version": {
    means: "This release of slabmend may not write to this version of indexd's database: nothing is claimed.",
    metrics: { refused: fleet("claim", "UnknownIndexdVersion", "Sum") },
    ...everAbove(0, 1),
  },
  "indexd-version-unconfirmed": {
    means:
      "This release of slabmend does not know the version of indexd's database; it works, because nothing that it uses differs or an operator accepted it.",
    metrics: { unconfirmed: fleet("claim", "IndexdUnconfirmed", "Maximum") },
    ...everAbove(0, 1),
  },
  "archive-stopped": {
    means:
      "The archive of the journal cannot be written, or must not be: the database was rewound or copied, or the archive is damaged.",
    metrics: { stopped: fleet("reap", "FollowersStopped", "Minimum") },
    // If S3 refuses one run, the next run makes up for it; if all runs within two periods fail, an operator is needed.
    ...everAbove(0, 2),
    breachingPeriods: 2,
  },
  "journal-behind": {
    means: "A follower of the journal (archive or totals) is more than half an hour behind.",
    metrics: { behind: fleet("reap", "JournalBehindSeconds", "Minimum") },
    ...everAbove(HALF_HOUR, 1),
  },
  "maintenance-idle": {
    means: "The maintenance run has made no progress for an hour, and it is not paused.",
    metrics: { idle: fleet("reap", "RunIdleSeconds", "Minimum") },
    ...everAbove(HOUR, 1),
  },
  "maintenance-failed": {
    means: "A maintenance run failed within the last hour.",
    metrics: { failed: fleet("reap", "RunsFailedLately", "Maximum") },
    ...everAbove(0, 1),
  },
  "move-behind": {
    means:
      "The database is being moved, and half of the log that the source may keep for the target is used up. When all of it is used up, the source gives up the target's slot.",
    metrics: {
      kept: fleet("reap", "MoveSlotKeptBytes", "Minimum"),
      safe: fleet("reap", "MoveSlotSafeBytes", "Maximum"),
    },
    expression: "kept - safe",
    ...everAbove(0, 1),
  },
  "move-slot-lost": {
    means:
      "The database is being moved, and the source has given up the target's slot: the move must start again.",
    metrics: { lost: fleet("reap", "MoveSlotLost", "Maximum") },
    ...everAbove(0, 1),
  },
  "checks-behind": {
    means: "With SLABMEND_VERIFY=due: a check of a host that answers has been due for more than a day.",
    metrics: { behind: fleet("reap", "ChecksBehindSeconds", "Minimum") },
    ...everAbove(DAY, 1),
  },
  "missing-rights": {
    means:
      "The fleet's database role lacks privileges, for example after an upgrade of indexd that rebuilds a table.",
    metrics: { rights: fleet("claim", "MissingRights", "Maximum") },
    ...everAbove(0, 1),
  },
} as const satisfies Record<string, AlarmDefinition>;

export type AlarmName = keyof typeof ALARMS;
