import { expect, test } from "vitest";
import { METRICS } from "../../lib/telemetry/metric-names.ts";
import { createPrometheusMetrics } from "../../lib/telemetry/prometheus-metrics.ts";
import { PROMETHEUS_METRICS } from "../../lib/telemetry/prometheus-names.ts";

async function lines(act: (metrics: ReturnType<typeof createPrometheusMetrics>) => void): Promise<string[]> {
  const metrics = createPrometheusMetrics("default");
  act(metrics);
  const text = await metrics.scrape();
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

test("counters add up, gauges keep the last value, and each function has its own count of runs", async () => {
  const shown = await lines((metrics) => {
    metrics.of("claim").print({ RunsCompleted: 1, SlabsLeased: 3, Paused: 1 });
    metrics.of("claim").print({ RunsCompleted: 1, SlabsLeased: 4, Paused: 0 });
    metrics.of("reap").print({ RunsCompleted: 1 });
  });
  expect(shown).toEqual(
    expect.arrayContaining([
      'slabmend_runs_completed_total{function="claim",indexer="default"} 2',
      'slabmend_runs_completed_total{function="reap",indexer="default"} 1',
      'slabmend_slabs_leased_total{indexer="default"} 7',
      'slabmend_paused{indexer="default"} 0',
    ]),
  );
});

test("values are in base units: siacoins, seconds, bytes", async () => {
  const shown = await lines((metrics) => {
    metrics.of("repair").print({ Hastings: 2.5e24, BytesRead: 4_194_304, CommitMs: 12 });
    metrics.of("repair").print({ Repairs: 1 }, { outcome: "repaired" });
  });
  expect(shown).toEqual(
    expect.arrayContaining([
      'slabmend_spent_siacoins_total{indexer="default"} 2.5',
      'slabmend_read_bytes_total{indexer="default"} 4194304',
      'slabmend_repair_phase_seconds_sum{indexer="default",phase="commit"} 0.012',
      'slabmend_repairs_total{outcome="repaired",indexer="default"} 1',
    ]),
  );
});

test("counters used by alerts exist before the first event", async () => {
  const shown = await lines(() => {});
  expect(shown).toEqual(
    expect.arrayContaining([
      'slabmend_runs_completed_total{function="claim",indexer="default"} 0',
      'slabmend_runs_completed_total{function="reap",indexer="default"} 0',
      'slabmend_unknown_indexd_version_total{function="claim",indexer="default"} 0',
      'slabmend_leases_crashed_total{indexer="default"} 0',
    ]),
  );
});

test("an unmeasured gauge is not exported", async () => {
  const shown = await lines(() => {});
  expect(shown.filter((line) => /backlog|paused|leases\{/.test(line))).toEqual([]);
});

test("backlog bands are one metric with a label, and their sum is not exported", async () => {
  const shown = await lines((metrics) =>
    metrics.of("reap").print({ Backlog: 5, BacklogMargin0: 2, BacklogMargin6Plus: 3 }),
  );
  expect(shown.filter((line) => line.includes("backlog_slabs"))).toEqual([
    'slabmend_backlog_slabs{margin="0",indexer="default"} 2',
    'slabmend_backlog_slabs{margin="6+",indexer="default"} 3',
  ]);
});

test("names follow the conventions: counters end in _total, units are base units", () => {
  expect(Object.keys(PROMETHEUS_METRICS).sort()).toEqual(Object.keys(METRICS).sort());
  for (const metric of Object.values(PROMETHEUS_METRICS)) {
    if (metric === null) continue;
    expect(metric.name).toMatch(/^slabmend_[a-z_]+$/);
    expect(metric.name.endsWith("_total")).toBe(metric.type === "counter");
    expect(metric.name).not.toMatch(/_(ms|milliseconds|hastings)(_|$)/);
  }
});
