import type { MetricValues } from "./metric-names.ts";

/** What of reap's report is measured. */
interface ReapCounts {
  readonly freed: number;
  readonly crashed: number;
  readonly quarantined: number;
  readonly taken: number;
  readonly deadLetters: number;
  readonly breaker: "closed" | "open" | undefined;
}

export function reapMetrics(report: ReapCounts): MetricValues {
  return {
    LeasesFreed: report.freed,
    LeasesCrashed: report.crashed,
    LeasesTaken: report.taken,
    SlabsQuarantined: report.quarantined,
    DeadLetters: report.deadLetters,
    CircuitBreakerOpen: report.breaker === undefined ? undefined : Number(report.breaker === "open"),
  };
}
