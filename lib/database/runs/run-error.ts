import { SlabmendError } from "../../errors/slabmend-error.ts";
import { ATTENDED_KINDS, type Run } from "./run.ts";

export type RunErrorCode =
  /** Another run is unfinished. */
  | "run-active"
  /** There is no unfinished run. */
  | "no-run"
  /** Another process coordinates the run now; nothing was written. */
  | "run-lease-lost"
  /** The request does not fit the run's state. */
  | "run-state"
  /** Only the commands of the run's kind may continue, pause or end the run. */
  | "run-attended";

/** Thrown by lib/database/runs. */
export class RunError extends SlabmendError<RunErrorCode> {}

export function runActive(run: Run, now: Date): RunError {
  const minutes = Math.floor((now.getTime() - run.startedAt.getTime()) / 60_000);
  return new RunError({
    code: "run-active",
    message: `maintenance: expected no unfinished run, got run ${run.id} (${run.kind}, ${run.state}), started ${minutes} min ago by ${run.owner}`,
    remedy: `Let it finish, or end it: slabmend ${ATTENDED_KINDS.includes(run.kind) ? `${run.kind} abort` : "maintenance cancel"}.`,
    details: { run: String(run.id), kind: run.kind },
  });
}

export function runAttended(run: Run): RunError {
  return new RunError({
    code: "run-attended",
    message: `maintenance run ${run.id}: expected a kind that slabmend maintenance controls, got ${run.kind}`,
    remedy: `Run slabmend maintenance status to see the run, or slabmend ${run.kind} abort to end it.`,
    details: { run: String(run.id), kind: run.kind },
  });
}

/** @param id the requested run; undefined: any unfinished run */
export function noRun(id?: bigint): RunError {
  return new RunError({
    code: "no-run",
    message:
      id === undefined
        ? "maintenance: expected an unfinished run, got none"
        : `maintenance run ${id}: expected an unfinished run, but it has ended or does not exist`,
    remedy:
      "Run slabmend maintenance status to see the latest runs, or slabmend maintenance start to begin one.",
  });
}

/** @param run the unfinished run; undefined: it ended meanwhile */
export function runUnderWay(run: Pick<Run, "coordinator" | "expiresAt"> | undefined): RunError {
  return new RunError({
    code: "run-lease-lost",
    message: `the run: expected no other process to execute it, got ${run?.coordinator ?? "another process"}, with a lease until ${run?.expiresAt?.toISOString() ?? "a moment ago"}`,
    remedy: "End that process; if it has crashed, wait for that time. Then run the command again.",
  });
}

export function leaseLost(id: bigint): RunError {
  return new RunError({
    code: "run-lease-lost",
    message: `maintenance run ${id}: expected this process to hold the run's lease, but another process does`,
    remedy: "Nothing was written. The other process continues from the last checkpoint.",
    details: { run: String(id) },
  });
}
