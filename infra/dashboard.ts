import type { createAlarms } from "./alarms.ts";
import { GRAPHS, type Graph, type ShownMetric } from "./dashboard-graphs.ts";
import type { createFunctions } from "./functions.ts";
import type { IndexerNames } from "./names.ts";

interface Shown {
  readonly names: IndexerNames;
  readonly functions: ReturnType<typeof createFunctions>;
  readonly alarms: ReturnType<typeof createAlarms>;
}

const COLUMNS = 24;
const WIDTH = 8;
const HEIGHT = 6;

/** The operator's overview: health, backlog, throughput and cost. */
export function createDashboard({ names, functions, alarms }: Shown) {
  const body = $util
    .all([
      aws.getRegionOutput().region,
      $util.all(Object.values(functions).map(({ name }) => name)),
      $util.all(alarms.map(({ arn }) => arn)),
    ])
    .apply(([region, functionNames, alarmArns]) =>
      JSON.stringify({ widgets: widgets(names.metricsNamespace, region, functionNames, alarmArns) }),
    );
  return new aws.cloudwatch.Dashboard(names.resource("Dashboard"), {
    dashboardName: names.shown("fleet"),
    dashboardBody: body,
  });
}

/** CloudWatch's format of a metric: its namespace and name, then name and value of each dimension, then options. */
function row(namespace: string, { service, name, outcome, stat }: ShownMetric): readonly (string | object)[] {
  return [
    namespace,
    name,
    "service",
    service,
    ...(outcome === undefined ? [] : ["outcome", outcome]),
    ...(stat === undefined ? [] : [{ stat }]),
  ];
}

type ShownGraph = Omit<Graph, "metrics"> & { readonly metrics: readonly (readonly (string | object)[])[] };

function widgets(
  namespace: string,
  region: string,
  functionNames: readonly string[],
  alarmArns: readonly string[],
) {
  const graphs: readonly ShownGraph[] = [
    ...GRAPHS.map(({ metrics, ...graph }) => ({
      ...graph,
      metrics: metrics.map((metric) => row(namespace, metric)),
    })),
    {
      title: "Concurrent functions",
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
