import type { MoveReport } from "../../../reports/move-schema.ts";
import { bytes, counted, table, wrapped } from "../../command/quantities.ts";

/** Renders a move for people. */
export function renderMove({ run, findings, estimate, replication, alarms }: MoveReport): string {
  return [
    ...(findings === null ? [] : renderFindings(findings)),
    ...(estimate === null
      ? []
      : [
          "",
          `${estimate.tables} tables, about ${estimate.rows} rows, ${estimate.sectors} sectors, ${bytes(estimate.bytes)}`,
          `the copy takes about ${estimate.copySeconds} s; claims stop for at most ${estimate.secondsWithoutClaims} s, after the leases have ended`,
        ]),
    ...(run === null ? (findings === null ? ["no move yet"] : []) : renderRun(run)),
    // Once the target is open, replication has ended, so later writes to the source must not be shown as lag.
    ...(replication === null || run?.step === "opened" ? [] : renderReplication(replication)),
    ...alarms.flatMap((alarm) => wrapped(`ALARM: ${alarm}`, 2)),
  ].join("\n");
}

function renderFindings(findings: NonNullable<MoveReport["findings"]>): string[] {
  const lines = table(findings.map(({ level, code, says }) => [level, code, says]));
  const failures = findings.filter(({ level }) => level === "failure").length;
  const warnings = findings.filter(({ level }) => level === "warning").length;
  return [
    ...findings.flatMap(({ remedy }, index) =>
      remedy === null ? [lines[index]!] : [lines[index]!, `         → ${remedy}`],
    ),
    "",
    `${counted(failures, "failure")}, ${counted(warnings, "warning")}`,
  ];
}

const NEXT: Readonly<Record<string, string>> = {
  ready: "the target replicates; next: slabmend move-database switch",
  opened: "the target is open: point indexd and the fleet at it; then: slabmend move-database finish",
};

function renderRun({
  id,
  state,
  step,
  owner,
  startedAt,
  coordinator,
  statistics,
  error,
}: NonNullable<MoveReport["run"]>): string[] {
  const isUnfinished = state === "running" || state === "paused" || state === "cancelling";
  return [
    `run ${id}: move-database, ${state}, started ${startedAt.replace(/\.\d+/, "")} by ${owner}`,
    `step ${step}${isUnfinished && coordinator !== null ? `, executed by ${coordinator}` : ""}`,
    ...(isUnfinished && NEXT[step] !== undefined ? [NEXT[step]] : []),
    ...["copySeconds", "comparedTables", "comparedRows", "secondsWithoutClaims"]
      .filter((name) => statistics[name] !== undefined)
      .map((name) => `${name}: ${String(statistics[name])}`),
    ...(error === null ? [] : wrapped(`${error.code}: ${error.message} ${error.remedy}`, 2)),
  ];
}

function renderReplication(replication: NonNullable<MoveReport["replication"]>): string[] {
  const {
    readyTables,
    tables,
    copiedBytes,
    totalBytes,
    secondsLeft,
    lagBytes,
    keptBytes,
    safeBytes,
    walStatus,
  } = replication;
  return [
    `${readyTables} of ${tables} tables replicate; the target has ${bytes(copiedBytes)}, the source had ${bytes(totalBytes)}`,
    ...(secondsLeft === null ? [] : [`about ${secondsLeft} s left to copy`]),
    ...(lagBytes === null
      ? []
      : [
          `the target is ${bytes(lagBytes)} behind; the source keeps ${bytes(keptBytes ?? 0)} of WAL for it (${walStatus})` +
            (safeBytes === null ? "" : `, and may drop this WAL after ${bytes(safeBytes)} more`),
        ]),
  ];
}
