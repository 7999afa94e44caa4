import type { MetricValues } from "./metric-names.ts";

/** What of claim's report is measured. */
interface ClaimCounts {
  readonly leased: number;
  readonly resent: number;
  readonly sent: number;
  readonly refused: number;
  readonly fleet: "well" | "ill";
  readonly stopped: "no-backlog" | "deadline" | "fleet-ill";
}

export function claimMetrics(report: ClaimCounts): MetricValues {
  return {
    SlabsLeased: report.leased,
    MessagesSent: report.sent + report.resent,
    MessagesRefused: report.refused,
    FleetIll: Number(report.fleet === "ill"),
    // Of an ill fleet it is not known: claim does not look.
    BacklogLeft: report.stopped === "fleet-ill" ? undefined : Number(report.stopped === "deadline"),
  };
}
