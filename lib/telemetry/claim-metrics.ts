import type { MetricValues } from "./metric-names.ts";

/** What of claim's report is measured. */
interface ClaimCounts {
  readonly leased: number;
  readonly resent: number;
  readonly sent: number;
  readonly refused: number;
  readonly breaker: "closed" | "open";
  readonly stopped: "no-backlog" | "deadline" | "breaker-open" | "paused" | "maintenance";
  readonly unjudged: number;
  readonly budgetStops: readonly string[];
}

/** Unknown when claim did not look for all there is. */
const BACKLOG_LEFT: Readonly<Record<ClaimCounts["stopped"], number | undefined>> = {
  "no-backlog": 0,
  deadline: 1,
  "breaker-open": undefined,
  paused: undefined,
  maintenance: undefined,
};

export function claimMetrics(report: ClaimCounts): MetricValues {
  return {
    SlabsLeased: report.leased,
    MessagesSent: report.sent + report.resent,
    MessagesRefused: report.refused,
    CircuitBreakerOpen: Number(report.breaker === "open"),
    SlabsUnjudged: report.unjudged,
    BudgetStops: report.budgetStops.length,
    Paused: Number(report.stopped === "paused"),
    BacklogLeft: BACKLOG_LEFT[report.stopped],
  };
}
