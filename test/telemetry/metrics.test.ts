import { describe, expect, test } from "vitest";
import { StoreError } from "../../lib/database/client/store-error.ts";
import { IndexdError } from "../../lib/database/indexd/errors.ts";
import { claimMetrics } from "../../lib/jobs/claim/claim-metrics.ts";
import { reapMetrics } from "../../lib/jobs/reap/reap-metrics.ts";
import { repairMetrics } from "../../lib/jobs/repair/repair-metrics.ts";
import { fleetMetrics } from "../../lib/telemetry/fleet-metrics.ts";
import { METRICS } from "../../lib/telemetry/metric-names.ts";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { failedRun } from "../../lib/telemetry/run-metrics.ts";

function capture(namespace = "slabmend/test") {
  const lines: string[] = [];
  const metrics = createMetrics({ namespace, service: "repair", write: (line) => lines.push(line) });
  return { lines, metrics };
}

describe("embedded metric format", () => {
  test("a line of metrics has namespace, dimensions, units and values", () => {
    const { lines, metrics } = capture();
    metrics.print({ BytesRead: 4_194_304, Hastings: 3e24, CopyMs: undefined }, { outcome: "repaired" });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [
          {
            Namespace: "slabmend/test",
            Dimensions: [expect.arrayContaining(["service", "outcome"])],
            Metrics: [
              { Name: "BytesRead", Unit: "Bytes" },
              { Name: "Hastings", Unit: "None" },
            ],
          },
        ],
      },
      service: "repair",
      outcome: "repaired",
      BytesRead: 4_194_304,
      Hastings: 3e24,
    });
  });

  test("a dimension of one line does not appear in the next line", () => {
    const { lines, metrics } = capture();
    metrics.print({ Repairs: 1 }, { outcome: "fault" });
    metrics.print({ MessagesFailed: 0 });
    expect(lines[1]).not.toContain("outcome");
  });

  test("nothing is printed without a namespace, or when no value is known", () => {
    const without = capture("");
    without.metrics.print({ Repairs: 1 });
    const { lines, metrics } = capture();
    metrics.print({ CopyMs: undefined });
    metrics.print({});
    expect([...without.lines, ...lines]).toEqual([]);
  });

  test("all metrics fit into one line", () => {
    const { lines, metrics } = capture();
    metrics.print(Object.fromEntries(Object.keys(METRICS).map((name) => [name, 1])));
    expect(lines).toHaveLength(1);
    // EMF allows a hundred.
    expect(Object.keys(METRICS).length).toBeLessThanOrEqual(100);
  });
});

const NO_ERROR = { error: undefined, ourFault: undefined };

describe("metrics", () => {
  test("of a repair", () => {
    const meter = {
      bytesRead: 10,
      bytesWritten: 20,
      hastings: 30n,
      phasesMs: { begin: 5, plan: 6, copy: 1, store: 3, commit: 7 },
    };
    const values = repairMetrics({
      kind: "fault",
      copied: 1,
      rebuilt: 2,
      found: 0,
      dropped: 3,
      denied: 5,
      lost: 4,
      ...NO_ERROR,
      meter,
    });
    expect(values).toEqual({
      SectorsCopied: 1,
      SectorsRebuilt: 2,
      MovesDropped: 3,
      SectorsDenied: 5,
      SectorsLost: 4,
      BytesRead: 10,
      BytesWritten: 20,
      Hastings: 30,
      BeginMs: 5,
      PlanMs: 6,
      CopyMs: 1,
      RebuildMs: undefined,
      StoreMs: 3,
      CommitMs: 7,
    });
    expect(repairMetrics({ kind: "stale", why: "no-lease" })).toEqual({});
  });

  test("the metrics of a claim leave the backlog unknown if it was not read", () => {
    const report = {
      leased: 5,
      resent: 1,
      sent: 5,
      refused: 2,
      breaker: "closed",
      unjudged: 3,
      budgetStops: ["repairs"],
      live: 1,
      batches: 1,
      rounds: 1,
    } as const;
    expect(claimMetrics({ ...report, stopped: "deadline" })).toEqual({
      SlabsLeased: 5,
      MessagesSent: 6,
      MessagesRefused: 2,
      CircuitBreakerOpen: 0,
      SlabsUnjudged: 3,
      BudgetStops: 1,
      Paused: 0,
      BacklogLeft: 1,
    });
    expect(claimMetrics({ ...report, stopped: "no-backlog" }).BacklogLeft).toBe(0);
    expect(claimMetrics({ ...report, breaker: "open", stopped: "breaker-open" })).toMatchObject({
      CircuitBreakerOpen: 1,
      BacklogLeft: undefined,
    });
    expect(claimMetrics({ ...report, stopped: "paused" })).toMatchObject({
      Paused: 1,
      BacklogLeft: undefined,
    });
  });

  test("the metrics of a reap do not show a circuit breaker as closed if its state is unknown", () => {
    const report = {
      freed: 1,
      crashed: 2,
      quarantined: 3,
      taken: 4,
      deadLetters: 5,
      eventsBumped: 6,
      resent: 7,
      forgotten: 8,
      journal: { sequenced: 9, summed: 10, forgotten: 11 },
    };
    expect(reapMetrics({ ...report, breaker: undefined }).CircuitBreakerOpen).toBeUndefined();
    expect(reapMetrics({ ...report, breaker: "open" })).toEqual({
      LeasesFreed: 1,
      LeasesCrashed: 2,
      LeasesTaken: 4,
      SlabsQuarantined: 3,
      DeadLetters: 5,
      JournalRowsSequenced: 9,
      CircuitBreakerOpen: 1,
    });
  });

  test("the metrics of the fleet count every slab of the backlog in exactly one band, including lost slabs", () => {
    const values = fleetMetrics({
      liveLeases: 1,
      runningLeases: 1,
      expiredLeases: 0,
      oldestLeaseSeconds: undefined,
      repairsInHalfHour: 8,
      faultsInHalfHour: 7,
      slabsFoundAtRisk: 6,
      repairsLately: 7,
      quarantinedSlabs: 0,
      databaseConnections: 3,
      underfundedHosts: 2,
      runIdleSeconds: undefined,
      failedRuns: 1,
      checksBehindSeconds: undefined,
      moveSlot: { walStatus: "extended", keptBytes: 70, safeBytes: null },
      followers: [
        { behindSeconds: 70, stoppedBy: undefined },
        { behindSeconds: 4_000, stoppedBy: "archive-rewound" },
        { behindSeconds: undefined, stoppedBy: undefined },
      ],
      backlog: new Map([
        [-3, 1],
        [0, 10],
        [1, 100],
        [2, 200],
        [5, 1_000],
        [6, 10_000],
        [19, 20_000],
      ]),
    });
    expect(values).toMatchObject({
      Backlog: 31_311,
      BacklogMargin0: 11,
      BacklogMargin1To2: 300,
      BacklogMargin3To5: 1_000,
      BacklogMargin6Plus: 30_000,
      OldestLeaseSeconds: 0,
      RepairsLately: 7,
      RepairsInHalfHour: 8,
      FaultsInHalfHour: 7,
      SlabsFoundAtRisk: 6,
      UnderfundedHosts: 2,
      JournalBehindSeconds: 4_000,
      FollowersStopped: 1,
      MoveSlotKeptBytes: 70,
      MoveSlotSafeBytes: undefined,
      MoveSlotLost: 0,
    });
  });

  test("the metrics of a failure distinguish an unknown version of indexd from missing privileges", () => {
    for (const code of ["indexd-changed", "indexd-needs-consent", "indexd-too-old"] as const) {
      const refused = new IndexdError({ code, message: "27", remedy: "look" });
      expect(failedRun(refused)).toEqual({ RunsFailed: 1, UnknownIndexdVersion: 1 });
    }
    const upgrading = new IndexdError({ code: "indexd-upgrading", message: "24", remedy: "wait" });
    expect(failedRun(upgrading)).toEqual({ RunsFailed: 1, UnknownIndexdVersion: 0 });
    const rights = new StoreError({ code: "lacks-right", message: "", remedy: "", details: { missing: 3 } });
    expect(failedRun(rights)).toEqual({ RunsFailed: 1, UnknownIndexdVersion: 0, MissingRights: 3 });
    expect(failedRun(new Error("away"))).toEqual({ RunsFailed: 1, UnknownIndexdVersion: 0 });
  });
});
