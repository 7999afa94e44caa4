import type { RunMeasures } from "../../telemetry/measure-run.ts";
import type { MetricValues } from "../../telemetry/metric-names.ts";
import { ReapIncompleteError, type ReapReport } from "./reap-report.ts";

export function reapMetrics(report: ReapReport): MetricValues {
  return {
    LeasesFreed: report.freed,
    LeasesCrashed: report.crashed,
    LeasesTaken: report.taken,
    SlabsQuarantined: report.quarantined,
    DeadLetters: report.deadLetters,
    JournalRowsSequenced: report.journal?.sequenced,
    CircuitBreakerOpen: report.breaker === undefined ? undefined : Number(report.breaker === "open"),
  };
}

/** Measures a run of reap, even if a part of it failed. */
export const REAP_MEASURES: RunMeasures<ReapReport> = {
  of: reapMetrics,
  ofFailure: (error) => (error instanceof ReapIncompleteError ? reapMetrics(error.report) : {}),
};
