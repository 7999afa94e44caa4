import type { RunMeasures } from "../../telemetry/measure-run.ts";
import type { MetricValues } from "../../telemetry/metric-names.ts";
import { ClaimIncompleteError, type ClaimReport } from "./claim-report.ts";

/** 1: slabs that may be leased were left in the backlog. Undefined: this run did not try to lease the whole backlog. */
const BACKLOG_LEFT: Readonly<Record<ClaimReport["stopped"], number | undefined>> = {
  "no-backlog": 0,
  deadline: 1,
  "breaker-open": undefined,
  paused: undefined,
  suspended: undefined,
  maintenance: undefined,
  deleting: undefined,
};

export function claimMetrics(report: ClaimReport): MetricValues {
  return {
    SlabsLeased: report.leased,
    MessagesSent: report.sent + report.resent,
    MessagesRefused: report.refused,
    CircuitBreakerOpen: Number(report.breaker === "open"),
    SlabsUnjudged: report.unjudged,
    BudgetStops: report.budgetStops.length,
    Paused: Number(report.stopped === "paused" || report.stopped === "suspended"),
    BacklogLeft: BACKLOG_LEFT[report.stopped],
  };
}

/** Measures a run of claim, even if its walk failed. */
export const CLAIM_MEASURES: RunMeasures<ClaimReport> = {
  of: claimMetrics,
  ofFailure: (error) => (error instanceof ClaimIncompleteError ? claimMetrics(error.report) : {}),
};
