/**
 * The dashboard's graphs of our own metrics. This file does not use Pulumi, so that a test can load it and compare the
 * graphs with the functions' metrics.
 */
import { OUTCOMES } from "../lib/database/leases/outcome-writes.ts";
import type { MetricName } from "../lib/telemetry/metric-names.ts";
import type { FunctionName } from "./function-settings.ts";

export interface ShownMetric {
  readonly service: FunctionName;
  readonly name: MetricName;
  readonly outcome?: string;
  /** Default: the graph's. */
  readonly stat?: "Sum";
}

export interface Graph {
  readonly title: string;
  readonly stat: "Sum" | "Maximum" | "p50";
  readonly stacked?: true;
  readonly metrics: readonly ShownMetric[];
}

const of = (service: FunctionName, ...names: readonly MetricName[]): ShownMetric[] =>
  names.map((name) => ({ service, name }));

export const GRAPHS: readonly Graph[] = [
  {
    title: "Backlog by margin",
    stat: "Maximum",
    stacked: true,
    metrics: of("reap", "BacklogMargin0", "BacklogMargin1To2", "BacklogMargin3To5", "BacklogMargin6Plus"),
  },
  {
    title: "Repairs by outcome",
    stat: "Sum",
    stacked: true,
    metrics: OUTCOMES.map((outcome) => ({ service: "repair", name: "Repairs", outcome })),
  },
  {
    title: "Leases",
    stat: "Maximum",
    metrics: [
      ...of("reap", "LiveLeases", "RunningLeases", "ExpiredLeases", "RepairsLately"),
      { service: "reap", name: "LeasesCrashed", stat: "Sum" },
      { service: "reap", name: "LeasesFreed", stat: "Sum" },
    ],
  },
  {
    title: "Sectors",
    stat: "Sum",
    stacked: true,
    metrics: of("repair", "SectorsCopied", "SectorsRebuilt", "SectorsDenied", "SectorsLost", "MovesDropped"),
  },
  { title: "Bytes", stat: "Sum", metrics: of("repair", "BytesRead", "BytesWritten") },
  { title: "Hastings", stat: "Sum", metrics: of("repair", "Hastings") },
  {
    title: "Milliseconds of a repair by phase, median",
    stat: "p50",
    metrics: of("repair", "BeginMs", "PlanMs", "CopyMs", "RebuildMs", "StoreMs", "CommitMs"),
  },
  { title: "Oldest lease, seconds", stat: "Maximum", metrics: of("reap", "OldestLeaseSeconds") },
  {
    title: "Trouble",
    stat: "Maximum",
    metrics: [
      ...of("reap", "SlabsFoundAtRisk", "FaultsInHalfHour", "QuarantinedSlabs", "UnderfundedHosts"),
      ...of("claim", "BudgetStops", "SlabsUnjudged", "Paused"),
      { service: "reap", name: "DeadLetters", stat: "Sum" },
      { service: "repair", name: "MessagesFailed", stat: "Sum" },
    ],
  },
  {
    title: "Journal",
    stat: "Maximum",
    metrics: of("reap", "JournalRowsSequenced", "JournalBehindSeconds", "FollowersStopped"),
  },
  {
    title: "Log kept for a move, bytes",
    stat: "Maximum",
    metrics: of("reap", "MoveSlotKeptBytes", "MoveSlotSafeBytes"),
  },
  { title: "Database connections", stat: "Maximum", metrics: of("reap", "DatabaseConnections") },
];
