import { OUTCOMES } from "../lib/store/outcome-writes.ts";
import type { MetricName } from "../lib/telemetry/metric-names.ts";
import type { createAlarms } from "./alarms.ts";
import type { FunctionName } from "./function-settings.ts";
import type { createFunctions } from "./functions.ts";
import { metricsNamespace, stageName } from "./names.ts";

interface Shown {
  readonly functions: ReturnType<typeof createFunctions>;
  readonly alarms: ReturnType<typeof createAlarms>;
}

const COLUMNS = 24;
const WIDTH = 8;
const HEIGHT = 6;

/** What an operator looks at first: is it well, how much is left, how fast, at what price. */
export function createDashboard({ functions, alarms }: Shown) {
  const body = $util
    .all([
      aws.getRegionOutput().region,
      $util.all(Object.values(functions).map(({ name }) => name)),
      $util.all(alarms.map(({ arn }) => arn)),
    ])
    .apply(([region, functionNames, alarmArns]) =>
      JSON.stringify({ widgets: widgets(region, functionNames, alarmArns) }),
    );
  return new aws.cloudwatch.Dashboard("Dashboard", {
    dashboardName: stageName("fleet"),
    dashboardBody: body,
  });
}

type MetricRow = readonly (string | object)[];

function widgets(region: string, functionNames: readonly string[], alarmArns: readonly string[]) {
  const metric = (service: FunctionName, name: MetricName, ...more: (string | object)[]): MetricRow => [
    metricsNamespace(),
    name,
    "service",
    service,
    ...more,
  ];
  const graphs: {
    title: string;
    stat: "Sum" | "Maximum" | "p50";
    metrics: MetricRow[];
    stacked?: boolean;
  }[] = [
    {
      title: "Backlog by margin",
      stat: "Maximum",
      stacked: true,
      metrics: (
        ["BacklogMargin0", "BacklogMargin1To2", "BacklogMargin3To5", "BacklogMargin6Plus"] as const
      ).map((name) => metric("reap", name)),
    },
    {
      title: "Repairs by outcome",
      stat: "Sum",
      stacked: true,
      metrics: OUTCOMES.map((outcome) => metric("repair", "Repairs", "outcome", outcome)),
    },
    {
      title: "Leases",
      stat: "Maximum",
      metrics: [
        metric("reap", "LiveLeases"),
        metric("reap", "RunningLeases"),
        metric("reap", "ExpiredLeases"),
        metric("reap", "LeasesCrashed", { stat: "Sum" }),
        metric("reap", "RepairsLately"),
      ],
    },
    {
      title: "Sectors",
      stat: "Sum",
      stacked: true,
      metrics: [
        metric("repair", "SectorsCopied"),
        metric("repair", "SectorsRebuilt"),
        metric("repair", "SectorsLost"),
        metric("repair", "MovesDropped"),
      ],
    },
    {
      title: "Bytes",
      stat: "Sum",
      metrics: [metric("repair", "BytesRead"), metric("repair", "BytesWritten")],
    },
    { title: "Hastings", stat: "Sum", metrics: [metric("repair", "Hastings")] },
    {
      title: "Milliseconds of a repair by phase, median",
      stat: "p50",
      metrics: [metric("repair", "CopyMs"), metric("repair", "RebuildMs"), metric("repair", "StoreMs")],
    },
    {
      title: "Oldest lease, seconds",
      stat: "Maximum",
      metrics: [metric("reap", "OldestLeaseSeconds")],
    },
    {
      title: "Trouble",
      stat: "Maximum",
      metrics: [
        metric("reap", "QuarantinedSlabs"),
        metric("reap", "UnderfundedHosts"),
        metric("claim", "BudgetStops"),
        metric("claim", "SlabsUnjudged"),
        metric("claim", "Paused"),
        metric("reap", "DeadLetters", { stat: "Sum" }),
        metric("repair", "MessagesFailed", { stat: "Sum" }),
      ],
    },
    { title: "Database connections", stat: "Maximum", metrics: [metric("reap", "DatabaseConnections")] },
    {
      title: "Functions at once",
      stat: "Maximum",
      metrics: functionNames.map((name) => ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", name]),
    },
    {
      title: "Milliseconds of an invocation, median",
      stat: "p50",
      metrics: functionNames.map((name) => ["AWS/Lambda", "Duration", "FunctionName", name]),
    },
  ];
  return [
    {
      type: "alarm",
      x: 0,
      y: 0,
      width: COLUMNS,
      height: 3,
      properties: { title: "Alarms: docs/runbook.md", alarms: alarmArns },
    },
    ...graphs.map(({ title, stat, metrics, stacked = false }, index) => ({
      type: "metric",
      x: (index * WIDTH) % COLUMNS,
      y: 3 + Math.floor((index * WIDTH) / COLUMNS) * HEIGHT,
      width: WIDTH,
      height: HEIGHT,
      properties: { title, region, view: "timeSeries", stacked, stat, period: 60, metrics },
    })),
  ];
}
