import { describe, expect, test } from "vitest";
import type { HostReport, SlabReport, ThroughputReport } from "../../lib/console/browser/openapi/reports.ts";
import { gaugesOf } from "../../lib/console/browser/view/budget.ts";
import { columnsOf } from "../../lib/console/browser/view/histogram.ts";
import { fillOf, lookOf, sortHosts } from "../../lib/console/browser/view/host-look.ts";
import { countStates, segmentsOf } from "../../lib/console/browser/view/ring.ts";
import { seriesOf } from "../../lib/console/browser/view/series.ts";

describe("the histogram of margins", () => {
  const column = (margin: number, ready: number, waiting = 0, inDanger = 0) => ({
    margin,
    ready,
    waiting,
    inDanger,
  });

  test("the histogram without unhealthy slabs has no columns", () => expect(columnsOf([])).toEqual([]));

  test("the histogram also has a column for each margin without slabs that lies between margins with slabs", () => {
    const columns = columnsOf([column(-1, 1, 0, 1), column(3, 4, 6)]);
    expect(columns.map(({ tick }) => tick)).toEqual(["−1", "0", "1", "2", "3", "4"]);
    expect(columns.map(({ tone }) => tone)).toEqual(["danger", "warn", "warn", "warn", "wait", "wait"]);
    expect(columns[4]).toMatchObject({ readyHeight: 0.4, waitingHeight: 0.6, query: { margin: "3" } });
    expect(columns[0]!.label).toBe("Margin -1: 1 slab, 1 ready, 0 waiting, 1 in danger");
  });

  test("in the histogram a column of one slab is visible next to a column of a million slabs", () => {
    expect(columnsOf([column(0, 1), column(5, 1_000_000)])[0]!.readyHeight).toBeGreaterThan(0.01);
  });

  test("the twentieth column of the histogram includes all higher margins", () => {
    const columns = columnsOf([column(0, 1), column(19, 2), column(60, 3)]);
    expect(columns).toHaveLength(20);
    expect(columns.at(-1)).toMatchObject({ tick: "19+", ready: 5, query: {} });
    expect(columns.reduce((sum, { ready }) => sum + ready, 0)).toBe(6);
  });
});

describe("the ring of shards", () => {
  test.each([1, 2, 30, 255])("the ring of %i shards has as many segments, each a closed outline", (total) => {
    const segments = segmentsOf(total);
    expect(segments).toHaveLength(total);
    for (const { path } of segments) expect(path).toMatch(/^M[-\d. ]+A.+L.+A.+Z$/);
    expect(new Set(segments.map(({ path }) => path)).size).toBe(total);
  });

  test("the shards of the ring are counted by state, in the order of the legend", () => {
    const shards = (["lost", "live", "live", "denied"] as const).map(
      (state) => ({ state }) as SlabReport["shards"][number],
    );
    expect(countStates(shards)).toEqual([
      ["live", 2],
      ["denied", 1],
      ["lost", 1],
    ]);
  });
});

describe("what a host looks like", () => {
  const score = {
    readBytesPerSecond: 1e6,
    writeBytesPerSecond: null,
    failureRate: 0,
    outOfFunds: false,
    full: false,
  };
  const host = (hostKey: string, more: Partial<HostReport> = {}): HostReport =>
    ({
      hostKey,
      blocked: false,
      isGood: true,
      isCandidate: true,
      denials: null,
      score,
      contractBytes: 1,
      ...more,
    }) as HostReport;

  test.each<[string, Partial<HostReport>]>([
    ["takes", {}],
    ["keeps", { isCandidate: false }],
    ["struggles", { score: { ...score, failureRate: 0.5 } }],
    ["suspected", { denials: { open: 3, suspected: true } }],
    ["bad", { isGood: false, denials: { open: 3, suspected: true } }],
    ["blocked", { blocked: true, isGood: false }],
  ])("%s", (state, more) => expect(lookOf(host("a", more)).state).toBe(state));

  test.each([
    [null, 10],
    [1e5, 10],
    [1e8, 70],
    [1e12, 70],
  ])("read at %s bytes a second, it is filled to %i %%", (readBytesPerSecond, fill) =>
    expect(fillOf(host("a", { score: { ...score, readBytesPerSecond } }))).toBe(fill),
  );

  test("sorting by state puts hosts that take sectors first, and sorts hosts of the same state by key", () => {
    const hosts = [host("d", { blocked: true }), host("c"), host("b"), host("a", { isCandidate: false })];
    expect(sortHosts(hosts, "state").map(({ hostKey }) => hostKey)).toEqual(["b", "c", "a", "d"]);
    expect(sortHosts(hosts, "key").map(({ hostKey }) => hostKey)).toEqual(["a", "b", "c", "d"]);
  });
});

test("the rate of an unfinished bucket is computed from the time since the bucket's start", () => {
  const bucket = (from: string, to: string) => ({
    from: `2026-11-30T${from}Z`,
    to: `2026-11-30T${to}Z`,
    repairs: 12,
    slabs: 10,
    bytesRead: 3_600,
    bytesWritten: 0,
    paid: { hastings: "0", siacoins: 2 },
  });
  const report = {
    at: "2026-11-30T11:30:00Z",
    buckets: [bucket("10:00:00", "11:00:00"), bucket("11:00:00", "12:00:00"), bucket("12:00:00", "13:00:00")],
  } as unknown as ThroughputReport;
  const series = seriesOf(report);
  expect(series.repairedPerHour).toEqual([10, 20]);
  expect(series.failedPerHour).toEqual([2, 4]);
  expect(series.siacoinsPerHour).toEqual([2, 4]);
  expect(series.readPerSecond).toEqual([1, 2]);
});

test("a budget shows the limits that are set, and a limit that stops claims is red", () => {
  const budget = {
    limits: { hastings: "100000000000000000000000000", bytesRead: null, repairs: "10" },
    spent: { hastings: "41200000000000000000000000", bytesRead: "5", repairs: "12" },
    stoppedBy: ["repairs"],
    stoppedSince: null,
    checkedAt: null,
  };
  expect(gaugesOf(budget)).toEqual([
    { name: "Siacoins", spent: "41.2 SC", limit: "100 SC", share: 0.412, tone: "good" },
    { name: "Repairs", spent: "12", limit: "10", share: 1, tone: "danger" },
  ]);
});
