/** The Grafana dashboard: the same graphs and metrics as the dashboard on AWS. */
import type { MetricName } from "../lib/telemetry/metric-names.ts";
import { PROMETHEUS_METRICS } from "../lib/telemetry/prometheus-names.ts";
import { GRAPHS, type Graph, type ShownMetric } from "./dashboard-graphs.ts";

const COLUMNS = 24;
const WIDTH = 8;
const HEIGHT = 7;
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana puts the name of its data source here.
const DATASOURCE = { type: "prometheus", uid: "${datasource}" };

interface Query {
  readonly expr: string;
  readonly legendFormat: string;
}

/** One query per Prometheus metric of the graph. */
function queries(metrics: readonly ShownMetric[]): readonly Query[] {
  const shown = new Map<string, Query>();
  for (const { name } of metrics) {
    const query = queryOf(name);
    if (query !== undefined) shown.set(query.expr, query);
  }
  return [...shown.values()];
}

function queryOf(metricName: MetricName): Query | undefined {
  const metric = PROMETHEUS_METRICS[metricName];
  if (metric === null) return undefined;
  const { name, type, labels = [], fixed = {} } = metric;
  const by = [...labels, ...Object.keys(fixed)].filter((label) => label !== "function");
  const legendFormat =
    by.length === 0 ? name.replace("slabmend_", "") : by.map((label) => `{{${label}}}`).join(" ");
  const selected = `{indexer="$indexer"}`;
  const grouped = by.length === 0 ? "" : ` by (${by.join(", ")})`;
  if (type === "gauge") return { expr: `max${grouped} (${name}${selected})`, legendFormat };
  if (type === "counter") {
    return { expr: `sum${grouped} (increase(${name}${selected}[$__rate_interval]))`, legendFormat };
  }
  return {
    expr: `histogram_quantile(0.5, sum by (le, ${by.join(", ")}) (rate(${name}_bucket${selected}[$__rate_interval])))`,
    legendFormat,
  };
}

const UNITS: Readonly<Record<string, { readonly title: string; readonly unit: string }>> = {
  Bytes: { title: "Bytes", unit: "bytes" },
  Hastings: { title: "Siacoins", unit: "short" },
  "Milliseconds of a repair by phase, median": { title: "Time of a repair by phase, median", unit: "s" },
  "Log kept for a move, bytes": { title: "Log kept for a move", unit: "bytes" },
  "Oldest lease, seconds": { title: "Oldest lease", unit: "s" },
};

function panel({ title, stacked, metrics }: Graph, index: number) {
  const shown = UNITS[title] ?? { title, unit: "short" };
  return {
    id: index + 1,
    type: "timeseries",
    title: shown.title,
    datasource: DATASOURCE,
    gridPos: {
      x: (index * WIDTH) % COLUMNS,
      y: Math.floor((index * WIDTH) / COLUMNS) * HEIGHT,
      w: WIDTH,
      h: HEIGHT,
    },
    fieldConfig: {
      defaults: {
        unit: shown.unit,
        min: 0,
        custom: { fillOpacity: stacked ? 40 : 10, stacking: { mode: stacked ? "normal" : "none" } },
      },
      overrides: [],
    },
    targets: queries(metrics).map((query, number) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + number),
      datasource: DATASOURCE,
      ...query,
    })),
  };
}

/** The dashboard as JSON for Grafana. */
export function grafanaDashboard(): object {
  return {
    title: "slabmend",
    uid: "slabmend",
    schemaVersion: 39,
    tags: ["slabmend", "sia"],
    time: { from: "now-6h", to: "now" },
    refresh: "1m",
    templating: {
      list: [
        { name: "datasource", type: "datasource", query: "prometheus" },
        {
          name: "indexer",
          type: "query",
          datasource: DATASOURCE,
          query: "label_values(slabmend_runs_completed_total, indexer)",
          refresh: 2,
        },
      ],
    },
    panels: GRAPHS.map(panel),
  };
}
