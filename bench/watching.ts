/** How many metrics and alarms a stage has: what AWS bills each month, counted from the code that prints and watches them. */
import { ALARMS, type AlarmDefinition } from "../infra/alarm-definitions.ts";
import type { FunctionName } from "../infra/function-settings.ts";
import { OUTCOMES } from "../lib/database/leases/outcome-writes.ts";
import { claimMetrics } from "../lib/jobs/claim/claim-metrics.ts";
import { reapMetrics } from "../lib/jobs/reap/reap-metrics.ts";
import { repairMetrics } from "../lib/jobs/repair/repair-metrics.ts";
import { fleetMetrics } from "../lib/telemetry/fleet-metrics.ts";
import type { MetricValues } from "../lib/telemetry/metric-names.ts";
import { COMPLETED_RUN, failedMessage, failedRun } from "../lib/telemetry/run-metrics.ts";

/** Only the names count: the values are nobody's. */
const RUN: MetricValues = { ...COMPLETED_RUN, ...failedRun(undefined) };
const NO_SPENDING = { bytesRead: 0, bytesWritten: 0, hastings: 0n, phasesMs: {} };
const PRINTED: Readonly<Record<FunctionName, MetricValues>> = {
  claim: {
    ...RUN,
    ...claimMetrics({
      leased: 0,
      live: 0,
      pages: 0,
      rounds: 0,
      resent: 0,
      sent: 0,
      refused: 0,
      breaker: "closed",
      stopped: "no-backlog",
      unjudged: 0,
      budgetStops: [],
    }),
  },
  repair: {
    ...repairMetrics({ kind: "repaired", copied: 0, rebuilt: 0, dropped: 0, lost: 0, meter: NO_SPENDING }),
    ...failedMessage(undefined),
    HostScoresFailed: 0,
    Repairs: 0,
  },
  reap: {
    ...RUN,
    ...reapMetrics({
      freed: 0,
      eventsBumped: 0,
      resent: 0,
      forgotten: 0,
      crashed: 0,
      quarantined: 0,
      taken: 0,
      deadLetters: 0,
      breaker: "closed",
    }),
    ...fleetMetrics({
      liveLeases: 0,
      runningLeases: 0,
      expiredLeases: 0,
      oldestLeaseSeconds: 0,
      repairsLately: 0,
      repairsInHalfHour: 0,
      faultsInHalfHour: 0,
      slabsFoundAtRisk: 0,
      quarantinedSlabs: 0,
      databaseConnections: 0,
      backlog: new Map(),
      underfundedHosts: 0,
    }),
  },
};

/** Each as `service Name`, and `outcome` besides where it is a dimension: a custom metric is a name with its dimensions. */
export function customMetrics(): string[] {
  return Object.entries(PRINTED).flatMap(([service, values]) =>
    Object.keys(values).flatMap((name) =>
      name === "Repairs"
        ? OUTCOMES.map((outcome) => `${service} ${name} ${outcome}`)
        : [`${service} ${name}`],
    ),
  );
}

/** An alarm costs as much as it has metrics. */
export function alarmCounts(): { readonly alarms: number; readonly metrics: number } {
  const alarms: AlarmDefinition[] = Object.values(ALARMS);
  return {
    alarms: alarms.length,
    metrics: alarms.reduce((sum, { metrics }) => sum + Object.keys(metrics).length, 0),
  };
}
