import type { FleetMode } from "../../../database/fleet/fleet-mode.ts";
import type { FollowerState } from "../../../database/journal/followers.ts";
import type { FleetStatus } from "../../../database/reports/read-status.ts";
import { bytes, duration, siacoins, table } from "../../command/quantities.ts";

export interface StatusReport extends FleetStatus {
  /** Slabs in the backlog, leased ones and waiting ones included. */
  readonly backlogSlabs: number;
  readonly slabsPerHour: number;
  /** At the rate of the last ten minutes; undefined: nothing was finished in them, or nothing is left. */
  readonly secondsLeft: number | undefined;
}

/** Adds what follows from the counts; pure. */
export function reportStatus(status: FleetStatus): StatusReport {
  const backlogSlabs = status.backlog.reduce((sum, { ready, later }) => sum + ready + later, 0);
  const slabsPerHour = status.finishedInTenMinutes * 6;
  return {
    ...status,
    backlogSlabs,
    slabsPerHour,
    secondsLeft: backlogSlabs === 0 || slabsPerHour === 0 ? undefined : (backlogSlabs / slabsPerHour) * 3_600,
  };
}

/** A few minutes are usual: reap runs once a minute. */
const BEHIND_SECONDS = 900;

function describeFollower({ name, stoppedBy, stoppedSince, behindSeconds = 0, rowsBehind }: FollowerState) {
  if (stoppedBy !== undefined) {
    return `${name}: stopped by ${stoppedBy} since ${stoppedSince?.toISOString()}: docs/runbook.md#archive-stopped`;
  }
  return (
    behindSeconds > BEHIND_SECONDS &&
    `${name}: ${rowsBehind} rows of the journal behind, ${duration(behindSeconds)}`
  );
}

function describeMode({ kind, owner, reason, since }: Exclude<FleetMode, { kind: "running" }>): string {
  const what = kind === "paused" ? "paused" : "in maintenance";
  const remedy = kind === "paused" ? ": slabmend resume" : "";
  return `${what} since ${since.toISOString()} by ${owner}${reason === undefined ? "" : ` (${reason})`}${remedy}`;
}

/** For people. What wants attention comes first. */
export function renderStatus(report: StatusReport): string {
  const { leases, today } = report;
  const attention = [
    report.mode.kind !== "running" && describeMode(report.mode),
    report.breakerIsOpen &&
      "the circuit breaker is open: most recent repairs failed, claim leases one slab a minute to try again",
    report.budgetStops.length > 0 &&
      `the budget stops claims: ${report.budgetStops.join(", ")} (as of ${report.budgetCheckedAt?.toISOString()})`,
    report.atRisk > 0 && `${report.atRisk} slabs at risk: too few sources answered`,
    report.quarantined > 0 && `${report.quarantined} slabs in quarantine: slabmend quarantine list`,
    report.deadLetters > 0 && `${report.deadLetters} dead letters: slabmend dead-letters list`,
    ...report.followers.map(describeFollower),
    leases.expired > 0 && `${leases.expired} leases expired and not yet reaped`,
  ].filter((line) => line !== false);
  const left =
    report.secondsLeft === undefined ? "" : `, about ${duration(report.secondsLeft)} left at this rate`;
  return [
    `slabmend at ${report.at.toISOString()}`,
    ...attention.map((line) => `! ${line}`),
    "",
    `backlog       ${report.backlogSlabs} slabs`,
    ...(report.backlog.length === 0
      ? []
      : table([
          ["  margin", "ready", "later"],
          ...report.backlog.map(({ margin, ready, later }) => [margin, ready, later]),
        ])),
    `leases        ${leases.running} running, ${leases.sent} sent, ${leases.unsent} unsent${leases.oldestSeconds === undefined ? "" : `, oldest ${duration(leases.oldestSeconds)}`}`,
    `throughput    ${report.slabsPerHour} slabs an hour${left}`,
    `last hour     ${outcomes(report.lastHour)}`,
    `today (UTC)   ${today.repairs} repairs, ${today.sectorsCopied} sectors copied and ${today.sectorsRebuilt} rebuilt, ${bytes(today.bytesRead)} read, ${bytes(today.bytesWritten)} written`,
    `cost today    ${siacoins(today.hastings)} to hosts, ${duration(today.workerSeconds)} of work`,
    `events        ${report.unflushedMoves} slabs whose objects' events are still to be bumped`,
  ].join("\n");
}

function outcomes(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return entries.length === 0
    ? "nothing ended"
    : entries.map(([name, count]) => `${count} ${name}`).join(", ");
}
