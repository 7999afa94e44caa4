import { SlabmendError } from "../../errors/slabmend-error.ts";
import { ATTENDED_KINDS, type Run } from "./run.ts";

export type RunErrorCode =
  /** Another run is not finished. */
  | "run-active"
  /** There is none that is not finished. */
  | "no-run"
  /** Another process coordinates the run now; nothing was written. */
  | "run-lease-lost"
  /** What was asked does not fit its state. */
  | "run-state"
  /** Only the commands of its kind move it on, pause or end it. */
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
    message: `maintenance run ${run.id}: expected a kind that slabmend maintenance steers, got ${run.kind}`,
    remedy: `slabmend maintenance status shows it, slabmend ${run.kind} abort ends it.`,
    details: { run: String(run.id), kind: run.kind },
  });
}

/** @param id of the one that was asked for; undefined: any */
export function noRun(id?: bigint): RunError {
  return new RunError({
    code: "no-run",
    message:
      id === undefined
        ? "maintenance: expected an unfinished run, got none"
        : `maintenance run ${id}: expected it unfinished, but it has ended, or there is none of this id`,
    remedy: "slabmend maintenance status shows the last ones; slabmend maintenance start begins one.",
  });
}

export function leaseLost(id: bigint): RunError {
  return new RunError({
    code: "run-lease-lost",
    message: `maintenance run ${id}: expected to hold its lease, but another process does`,
    remedy: "Nothing was written. The other process continues from the last checkpoint.",
    details: { run: String(id) },
  });
}
