import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  lambdaCost,
  type PriceList,
  type RepairUse,
  repairsPerTebibyte,
  scheduledUsd,
  serverCost,
  siacoinsPerTebibyte,
} from "../../bench/cost-model.ts";
import type { RepairWall, RepairWallResult } from "../../bench/repair-wall.ts";
import { alarmCounts, customMetrics } from "../../bench/watching.ts";
import { REPAIR_MEMORY_MB } from "../../infra/limits.ts";
import { METRICS } from "../../lib/telemetry/metric-names.ts";

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../docs/cost/${name}`, import.meta.url), "utf8"));

/** Round numbers, so that the results can be worked out by hand. */
const PRICES: PriceList = {
  lambda: { usdPerGbSecond: 0.00001, usdPerMillionInvocations: 1, memoryMb: 2_048 },
  queue: { usdPerMillionRequests: 2, requestsPerRepair: 3 },
  logs: { usdPerGb: 0.5 },
  traffic: { usdPerGbOut: 0.1, natGatewayUsdPerGb: 0.05 },
  watching: { usdPerCustomMetric: 0.3, usdPerAlarmMetric: 0.1, usdPerDashboard: 3 },
  server: { usdPerMonth: 73, gigabitsPerSecond: 1, cores: 2 },
  hosts: { siacoinsPerTbRead: 100, siacoinsPerTbWritten: 40, siacoinsPerTbMonthStored: 600 },
};
/** 100,000 bytes in, 20,000 out, a second of wall time. */
const use: RepairUse = {
  sectors: 4,
  wallMs: 1_000,
  cpuMs: 500,
  bytesRead: 100_000,
  bytesWritten: 20_000,
  logBytes: 1_000,
};
const REPAIRS = 65_536;

test("a TiB is 262,144 sectors", () => {
  expect([1, 4].map((sectors) => repairsPerTebibyte({ sectors }))).toEqual([262_144, REPAIRS]);
});

test("Lambda: GB of 1024 MB, an invocation and three requests, logs, and what leaves", () => {
  const cost = lambdaCost(use, PRICES);
  expect(cost.gbSeconds).toBeCloseTo(REPAIRS * 2);
  expect(cost.computeUsd).toBeCloseTo(1.31072);
  expect(cost.requestsUsd).toBeCloseTo(0.065536 * 7);
  expect(cost.logsUsd).toBeCloseTo(0.065536 * 0.5);
  expect(cost.trafficUsd).toBeCloseTo(1.31072 * 0.1);
  expect(cost.sumUsd).toBeCloseTo(1.31072 + 0.458752 + 0.032768 + 0.131072);
  // Both directions.
  expect(cost.natGatewayUsd).toBeCloseTo(65_536 * 0.00012 * 0.05);
});

test("a scheduled function: so many seconds of 43,800 minutes", () => {
  expect(scheduledUsd(2, 512, PRICES)).toBeCloseTo(43_800 * 2 * 0.5 * 0.00001);
});

test("every metric is counted for who prints it, Repairs for each outcome", () => {
  const counted = customMetrics();
  expect(new Set(counted).size).toBe(counted.length);
  expect(new Set(counted.map((metric) => metric.split(" ")[1]))).toEqual(new Set(Object.keys(METRICS)));
  expect(counted).toEqual(
    expect.arrayContaining([
      "claim CircuitBreakerOpen",
      "reap CircuitBreakerOpen",
      "repair Repairs repaired",
    ]),
  );
  // Two sides of an alarm are two metrics.
  expect(alarmCounts().metrics).toBeGreaterThan(alarmCounts().alarms);
});

describe("a server", () => {
  test("whose cores are the limit", () => {
    const cost = serverCost(use, PRICES);
    expect(cost.cpuHours).toBeCloseTo((REPAIRS * 0.5) / 2 / 3_600);
    expect(cost.lineHours).toBeCloseTo((REPAIRS * 100_000 * 8) / 1e9 / 3_600);
    expect(cost.usd).toBeCloseTo(cost.cpuHours * 0.1);
    // Each repair keeps half a core busy.
    expect(cost.concurrency).toBe(4);
  });

  test("whose line is, by the direction that carries more", () => {
    const cost = serverCost({ ...use, bytesWritten: 250_000_000 }, PRICES);
    expect(cost.lineHours).toBeCloseTo((REPAIRS * 2) / 3_600);
    expect(cost.usd).toBeCloseTo(cost.lineHours * 0.1);
    expect(cost.concurrency).toBe(1);
  });
});

test("hosts: three days of a month of thirty for what is written", () => {
  expect(siacoinsPerTebibyte(use, PRICES)).toBeCloseTo(
    (REPAIRS * (100_000 * 100 + 20_000 * (40 + 60))) / 1e12,
  );
});

describe("what was measured", () => {
  const { repairWall } = read("measured.json") as { repairWall: RepairWallResult };
  const { egress, ingress, storage } = repairWall.hostPrices;
  /** Hastings a byte as siacoins a TB. */
  const perTb = (hastings: string): number => (Number(hastings) * 1e12) / 1e24;
  const hosts = {
    siacoinsPerTbRead: perTb(egress),
    siacoinsPerTbWritten: perTb(ingress),
    siacoinsPerTbMonthStored: perTb(storage) * 4_320,
  };

  const chargedToReckoned = (repair: RepairWall): number =>
    ((Number(repair.hastingsCharged) / 1e24) * repairsPerTebibyte(repair)) /
    siacoinsPerTebibyte(repair, { ...PRICES, hosts });

  test("copying, where no read is given up, hosts charge what the formula says", () => {
    expect(chargedToReckoned(repairWall.cases.copy1)).toBeCloseTo(1, 5);
  });

  // A range is charged whole when it is asked for, and one that was given up was not sent to its end.
  test.each(["rebuild1", "rebuild5", "rebuild10"] as const)(
    "%s: they charge that, and a little for reads given up",
    (name) => {
      expect(chargedToReckoned(repairWall.cases[name])).toBeGreaterThanOrEqual(0.99999);
      expect(chargedToReckoned(repairWall.cases[name])).toBeLessThan(1.1);
    },
  );

  test.each(Object.entries(repairWall.cases))(
    "%s: the journal has what the hosts charged",
    (_name, repair) => {
      expect(repair.hastingsInJournal).toBe(repair.hastingsCharged);
    },
  );

  test("the prices are for the memory that is deployed", () => {
    expect((read("prices.json") as PriceList).lambda.memoryMb).toBe(REPAIR_MEMORY_MB);
  });
});
