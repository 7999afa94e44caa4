import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { METRICS, type MetricName, type MetricValues } from "./metric-names.ts";
import type { MetricsPrinter } from "./metrics.ts";
import { PROMETHEUS_METRICS, type PrometheusMetric } from "./prometheus-names.ts";

/** Seconds. A commit takes milliseconds; a rebuild on slow hosts takes minutes. */
const PHASE_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

export interface PrometheusMetrics {
  /**
   * Returns a printer that records the values of one function: "claim", "reap" or "repair". Counters and histograms add
   * up until the process ends.
   */
  of(service: string): MetricsPrinter;
  /** Removes gauges whose values are no longer known: an old value would look current. */
  forget(names: readonly MetricName[]): void;
  /** Sets slabmend_database_up: 1 if the database could be read, otherwise 0. */
  setDatabaseUp(isUp: boolean): void;
  /** The text for a scrape. */
  scrape(): Promise<string>;
}

export const PROMETHEUS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

type Collector = Counter<string> | Gauge<string> | Histogram<string>;

/** @param indexer label added to every value */
export function createPrometheusMetrics(indexer: string): PrometheusMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ indexer });
  const collectors = new Map<string, Collector>();
  const collectorOf = (name: MetricName, metric: PrometheusMetric): Collector => {
    const collector = collectors.get(metric.name) ?? createCollector(registry, metric, METRICS[name].meaning);
    collectors.set(metric.name, collector);
    return collector;
  };
  // A counter starts at 0. A gauge is absent until its value is known, because 0 would be wrong.
  for (const [name, metric] of Object.entries(PROMETHEUS_METRICS)) {
    if (metric?.type === "counter") collectorOf(name as MetricName, metric);
  }
  // These counters get an initial value for each function: an alert on a counter without a value would stay silent.
  for (const name of ["RunsCompleted", "RunsFailed", "UnknownIndexdVersion"] as const) {
    for (const service of ["claim", "reap"]) {
      record(collectors.get(PROMETHEUS_METRICS[name]!.name)!, PROMETHEUS_METRICS[name]!, 0, {
        function: service,
      });
    }
  }
  const databaseUp = new Gauge({
    name: "slabmend_database_up",
    help: "1: indexd's database could be read in the last seconds; 0: it could not",
    registers: [registry],
  });
  return {
    of: (service) => ({
      print(values: MetricValues, dimensions = {}) {
        for (const [name, value] of Object.entries(values)) {
          const metric = PROMETHEUS_METRICS[name as MetricName];
          if (metric === null || value === undefined) continue;
          record(collectorOf(name as MetricName, metric), metric, value, {
            function: service,
            ...dimensions,
          });
        }
      },
    }),
    forget(names) {
      for (const name of names) {
        const metric = PROMETHEUS_METRICS[name];
        if (metric?.type !== "gauge") continue;
        registry.removeSingleMetric(metric.name);
        collectors.delete(metric.name);
      }
    },
    setDatabaseUp: (isUp) => databaseUp.set(Number(isUp)),
    scrape: () => registry.metrics(),
  };
}

function createCollector(registry: Registry, metric: PrometheusMetric, help: string): Collector {
  const labelNames = [...(metric.labels ?? []), ...Object.keys(metric.fixed ?? {})];
  const configuration = { name: metric.name, help, labelNames, registers: [registry] };
  if (metric.type === "counter") return new Counter(configuration);
  if (metric.type === "gauge") return new Gauge(configuration);
  return new Histogram({ ...configuration, buckets: PHASE_BUCKETS });
}

function record(
  collector: Collector,
  { labels = [], fixed, scale = 1 }: PrometheusMetric,
  value: number,
  given: Readonly<Record<string, string>>,
): void {
  const known = { ...Object.fromEntries(labels.map((label) => [label, given[label] ?? ""])), ...fixed };
  if (collector instanceof Counter) collector.inc(known, value * scale);
  else if (collector instanceof Gauge) collector.set(known, value * scale);
  else collector.observe(known, value * scale);
}
