import type { DisturbancesDone } from "./disturb-database.ts";
import type { DrainDone } from "./drain-hosts.ts";
import type { Forgetting } from "./forgetful-hosts.ts";
import type { DamageCause, DamagedSector } from "./inflict-damage.ts";
import type { MoveDone } from "./move-in-mid-run.ts";
import { counted, formatBytes, formatSeconds, formatSiacoins } from "./progress.ts";
import type { Leftovers } from "./read-leftovers.ts";
import type { RestoreDone } from "./restore-drill.ts";
import { judgeRun, type Verdict } from "./verdict.ts";
import type { Verification } from "./verify-host.ts";
import type { RepairState, Traffic } from "./watch-repairs.ts";
import type { ClockFaults } from "./wrong-clocks.ts";

/** The object that --json prints as one line, with its fields in this order. */
export interface DemoSummary {
  readonly slabs: number;
  readonly damagedSlabs: number;
  /** Sectors that indexd would have had to move, counted right after the damage. */
  readonly damagedSectors: number;
  /** Damaged sectors that indexd would no longer have to move at the end of the run. */
  readonly repairedSectors: number;
  readonly copiedSectors: number;
  readonly rebuiltSectors: number;
  /**
   * Moved sectors that a worker stored before it was killed without a commit; the next repair of the slab found them on
   * the host.
   */
  readonly foundSectors: number;
  /** Bytes of sectors, counted at the hosts, including the traffic of killed workers. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** What the repairs cost, as a string of decimal digits, because a JSON number is not exact enough. */
  readonly hastings: string;
  /** Workers that held a running lease when they were killed. */
  readonly killedWorkers: number;
  readonly databaseCrashes: number;
  /** The time from a crash until the database answered again, summed over all crashes. */
  readonly databaseCrashedSeconds: number;
  readonly endedBackends: number;
  readonly databaseSilences: number;
  readonly databaseSilentSeconds: number;
  /** Repairs that a worker ended at the beginning because its clock was wrong by hours. */
  readonly wrongClocks: number;
  /**
   * The time from the end of a repair that `wrongClocks` counts until the next repair of its slab began, summed over
   * these repairs.
   */
  readonly wrongClockSeconds: number;
  /** Hosts that denied everything for a while. */
  readonly forgetfulHosts: number;
  readonly forgottenSeconds: number;
  /** Denials by the forgetful hosts: the highest number that was recorded at one time. */
  readonly deniedSectors: number;
  /** Sectors on the forgetful hosts that were recorded as lost before their host was suspected. */
  readonly falseLosses: number;
  /**
   * Denials by the forgetful hosts that are still open at the end: no host could take the sectors, and the next attempt
   * at their slabs is an hour away.
   */
  readonly waitingDenials: number;
  /**
   * Time from the moment when the forgetful hosts had their sectors again until none of their denials was open, apart
   * from those in `waitingDenials`.
   */
  readonly secondsUntilNoneDenied: number;
  /** Leases that expired while a repair was running, and were reaped. */
  readonly expiredLeases: number;
  readonly unreadableObjects: number;
  /**
   * Sectors that are not healthy and that no host may take. If there are such sectors and nothing failed, the verdict
   * says why no host may take them.
   */
  readonly sectorsWithoutDestination: number;
  /** Sectors that are not healthy although a host could take them; if there are any, the demo has failed. */
  readonly sectorsLeft: number;
  readonly violations: number;
  readonly seconds: number;
  /** Slabs that could lose at most 2 more sectors, counted right after the damage. */
  readonly slabsWithin2: number;
  /**
   * Other slabs than those that `slabsWithin2` counts, if they were leased before the last of the slabs that it counts.
   */
  readonly othersLeasedFirst: number;
  /**
   * Time from the damage until every slab could lose more than 2 sectors. Null if no slab was ever within 2
   * sectors of loss, or if some slab still was at the end.
   */
  readonly secondsUntilNoneWithin2: number | null;
  /** Null: no host was drained. */
  readonly drain: DrainDone | null;
  /** The result of `--verify`, which verifies one host; null: no host was verified. */
  readonly verify: Verification | null;
  /** The release of indexd whose database was used; after an upgrade "0.4.4 to 0.6.1". */
  readonly indexd: string;
  /** The result of `--move`; null: the database was not moved. */
  readonly move: MoveDone | null;
  /** The result of `--restore`; null: there was no restore. */
  readonly restore: Omit<RestoreDone, "unreadable" | "violations"> | null;
  /** The sentence with which the demo ends. */
  readonly verdict: string;
}

export interface DemoResult {
  readonly summary: DemoSummary;
  /** Why the demo failed; empty if it succeeded. */
  readonly failures: readonly string[];
  readonly verdict: Verdict;
}

export interface DemoFindings {
  readonly slabs: number;
  readonly damage: readonly DamagedSector[];
  readonly state: RepairState;
  readonly traffic: Traffic;
  readonly leftovers: Leftovers;
  readonly objects: number;
  readonly hosts: number;
  readonly totalShards: number;
  readonly gaveUp: string | undefined;
  readonly killsWanted: number;
  readonly killedWorkers: number;
  readonly disturbed: DisturbancesDone;
  readonly clockFaults: ClockFaults;
  readonly forgetting: Forgetting;
  readonly falseLosses: number;
  /** Disturbances of the database that were requested but did not happen, as sentences for the report. */
  readonly missed: readonly string[];
  readonly restore: RestoreDone | undefined;
  readonly unreadable: ReadonlyMap<number, string>;
  readonly violations: readonly string[];
  readonly danger: {
    readonly slabs: number;
    readonly msUntilNone: number | undefined;
    readonly leasedBefore: number;
  };
  readonly seconds: number;
  readonly drain: DrainDone | null;
  readonly verification: Verification | undefined;
  readonly indexd: string;
  readonly move: MoveDone | null;
}

export function summarize(findings: DemoFindings): DemoResult {
  const { damage, state, traffic, unreadable, violations, danger } = findings;
  const moves = [...state.moved.values()];
  const { withDestination } = findings.leftovers;
  const measured: Omit<DemoSummary, "verdict"> = {
    slabs: findings.slabs,
    damagedSlabs: new Set(damage.map(({ slabId }) => slabId)).size,
    damagedSectors: damage.length,
    repairedSectors: damage.length - state.open.length,
    copiedSectors: moves.filter((how) => how === "copied").length,
    rebuiltSectors: moves.filter((how) => how === "rebuilt").length,
    foundSectors: moves.filter((how) => how === "found").length,
    bytesRead: traffic.bytesRead,
    bytesWritten: traffic.bytesWritten,
    hastings: String(traffic.hastings),
    killedWorkers: findings.killedWorkers,
    databaseCrashes: findings.disturbed.restartDatabase,
    databaseCrashedSeconds: Math.round(findings.disturbed.crashedMs / 100) / 10,
    endedBackends: findings.disturbed.endBackends,
    databaseSilences: findings.disturbed.silentDatabase,
    databaseSilentSeconds: Math.round(findings.disturbed.silentMs / 100) / 10,
    wrongClocks: findings.clockFaults.count,
    wrongClockSeconds: Math.round(findings.clockFaults.waitedMs / 100) / 10,
    forgetfulHosts: findings.forgetting.hosts,
    forgottenSeconds: Math.round(findings.forgetting.forgotMs / 100) / 10,
    deniedSectors: findings.forgetting.deniedSectors,
    falseLosses: findings.falseLosses,
    waitingDenials: findings.forgetting.waiting,
    secondsUntilNoneDenied: Math.round(findings.forgetting.settledMs / 100) / 10,
    expiredLeases: state.expiredLeases,
    unreadableObjects: unreadable.size,
    sectorsWithoutDestination: findings.leftovers.withoutDestination,
    sectorsLeft: findings.leftovers.withDestination,
    violations: violations.length,
    seconds: Math.round(findings.seconds * 10) / 10,
    slabsWithin2: danger.slabs,
    othersLeasedFirst: danger.leasedBefore,
    secondsUntilNoneWithin2:
      danger.msUntilNone === undefined ? null : Math.round(danger.msUntilNone / 100) / 10,
    drain: findings.drain,
    verify: findings.verification ?? null,
    indexd: findings.indexd,
    move: findings.move,
    restore: restoreSummary(findings.restore),
  };
  const failures = [
    ...(withDestination > 0
      ? [
          `${counted(withDestination, "sector")} ${withDestination === 1 ? "is" : "are"} not healthy although a host could take ${withDestination === 1 ? "it" : "them"}` +
            (findings.gaveUp === undefined ? "" : `: ${findings.gaveUp}`),
        ]
      : []),
    ...(findings.killedWorkers < findings.killsWanted
      ? [`${findings.killedWorkers} of ${findings.killsWanted} kills hit a worker that held a running lease`]
      : []),
    ...(findings.drain === null || findings.drain.finished || findings.leftovers.withoutDestination > 0
      ? []
      : [`the drain has not ended: ${counted(findings.drain.sectorsAfter, "sector")} left`]),
    ...findings.missed,
    ...(findings.verification?.foundAll === false
      ? [
          `the verification denied ${findings.verification.denied} sectors, ${findings.verification.planted} had vanished`,
        ]
      : []),
    ...[...unreadable].map(([number, why]) => `object ${number} was not read back: ${why}`),
    ...violations,
  ];
  const verdict = judgeRun({ ...findings, ...measured, failures });
  return { summary: { ...measured, verdict: verdict.sentence }, failures, verdict };
}

function restoreSummary(done: RestoreDone | undefined): DemoSummary["restore"] {
  if (done === undefined) return null;
  const { unreadable: _unreadable, violations: _violations, ...figures } = done;
  return { ...figures, seconds: Math.round(figures.seconds * 10) / 10 };
}

const CAUSES: Readonly<Record<DamageCause, string>> = {
  dead: "host dead",
  blocked: "host blocked",
  "bad-contract": "contract bad",
  lost: "sector lost",
  draining: "host drained",
};

/** The result for people. */
export function tableOf(findings: DemoFindings, { summary }: DemoResult): string[] {
  const { damage, state } = findings;
  const open = new Set(state.open.map(({ root }) => root));
  const rows = (Object.keys(CAUSES) as DamageCause[]).map((cause) => {
    const sectors = damage.filter((sector) => sector.cause === cause);
    const moved = (how: "copied" | "rebuilt" | "found"): number =>
      sectors.filter(({ root }) => state.moved.get(root) === how).length;
    const healthy = sectors.filter(({ root }) => !open.has(root)).length;
    return [CAUSES[cause], sectors.length, healthy, moved("copied"), moved("rebuilt"), moved("found")];
  });
  const total = [
    "all",
    summary.damagedSectors,
    summary.repairedSectors,
    summary.copiedSectors,
    summary.rebuiltSectors,
    summary.foundSectors,
  ];
  return [
    ...aligned([["", "damaged", "healthy now", "copied", "rebuilt", "found"], ...rows, total]),
    "",
    ...aligned([
      ["indexd", summary.indexd],
      ["slabs", `${summary.slabs}, ${summary.damagedSlabs} damaged`],
      ["found lost", `${counted(state.foundLost, "sector")} that indexd took for stored`],
      ["read", formatBytes(summary.bytesRead)],
      ["written", formatBytes(summary.bytesWritten)],
      ["cost", `${summary.hastings} hastings = ${formatSiacoins(BigInt(summary.hastings))}`],
      [
        "workers killed",
        `${summary.killedWorkers} of ${findings.killsWanted}, ${counted(summary.expiredLeases, "lease")} expired`,
      ],
      ["database", describeDatabase(summary)],
      ["moved", describeMove(summary)],
      [
        "wrong clocks",
        `${summary.wrongClocks} repairs refused; their slabs waited ${summary.wrongClockSeconds.toFixed(1)} s for the next`,
      ],
      ["forgetful hosts", describeForgetting(summary)],
      ["drained", describeDrain(summary)],
      ["in danger", describeDanger(summary)],
      ["leased too early", `${counted(summary.othersLeasedFirst, "slab")} before the last one in danger`],
      ["objects unreadable", String(summary.unreadableObjects)],
      ["rules violated", String(summary.violations)],
      ["time", formatSeconds(summary.seconds)],
    ]),
  ];
}

function describeDatabase(summary: DemoSummary): string {
  const { databaseCrashes, databaseCrashedSeconds, databaseSilences, databaseSilentSeconds } = summary;
  return (
    `crashed ${counted(databaseCrashes, "time")} (${databaseCrashedSeconds.toFixed(1)} s away), ${counted(summary.endedBackends, "backend")} ended, ` +
    `silent ${counted(databaseSilences, "time")} (${databaseSilentSeconds.toFixed(1)} s)`
  );
}

function describeMove({ move }: DemoSummary): string {
  if (move === null) return "no";
  return `to a second server: ${move.comparedRows} rows compared equal, ${move.secondsWithoutClaims} s without claims; ${counted(move.repairsBefore, "repair")} before, ${move.repairsAfter} after`;
}

function describeForgetting(summary: DemoSummary): string {
  const { forgetfulHosts, forgottenSeconds, deniedSectors, falseLosses, waitingDenials } = summary;
  if (forgetfulHosts === 0) return "none";
  return (
    `${forgetfulHosts}, for ${forgottenSeconds.toFixed(1)} s: ${counted(deniedSectors, "sector")} denied, ${falseLosses} counted as lost; ` +
    `${summary.secondsUntilNoneDenied.toFixed(1)} s after these hosts had their sectors again, ` +
    `the number of open denials was down to ${waitingDenials} (sectors that no host could take)`
  );
}

function describeDrain({ drain }: DemoSummary): string {
  if (drain === null) return "no host";
  const { hosts, sectorsBefore, sectorsAfter, copied, rebuilt, seconds } = drain;
  return (
    `${counted(hosts, "host")} of ${counted(sectorsBefore, "sector")}, ${sectorsAfter} left: ${copied} copied, ${rebuilt} rebuilt` +
    (seconds === null ? "" : `, in ${formatSeconds(seconds)}`)
  );
}

function describeDanger({ slabsWithin2, secondsUntilNoneWithin2 }: DemoSummary): string {
  if (slabsWithin2 === 0) return "no slab could lose data by losing 2 more sectors";
  const until =
    secondsUntilNoneWithin2 === null
      ? "some until the end"
      : `none ${secondsUntilNoneWithin2.toFixed(1)} s after the damage`;
  return `${counted(slabsWithin2, "slab")} within 2 sectors of loss, ${until}`;
}

/**
 * Pads the cells of each column to one width: numbers are aligned to the right, texts and the first column to the left.
 */
function aligned(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 || typeof rows.at(-1)![column] === "string"
          ? String(cell).padEnd(widths[column]!)
          : String(cell).padStart(widths[column]!),
      )
      .join("  ")
      .trimEnd(),
  );
}
