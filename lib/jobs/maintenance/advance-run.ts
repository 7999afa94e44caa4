import type { Clock } from "../../clock/clock.ts";
import { sleep } from "../../clock/sleep.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import { type RunLease, releaseRun, saveRun, takeRun } from "../../database/runs/maintenance-runs.ts";
import type { Run, RunProgress } from "../../database/runs/run.ts";
import { RunError } from "../../database/runs/run-error.ts";
import { SlabmendError } from "../../errors/slabmend-error.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { MaintenanceJob, Step } from "./maintenance-job.ts";

export interface Advance {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly jobs: readonly MaintenanceJob[];
  /** Identifies this process. */
  readonly coordinator: string;
  readonly signal: AbortSignal;
  /**
   * The kinds of run that this process advances; set for a process that cannot read hosts. The process also ends
   * cancelled runs of any other kind. Default: all kinds.
   */
  readonly onlyKinds?: readonly string[];
  /** See `takeRun`. */
  readonly kind?: string;
  /** Default: {@link RUN_LEASE_MS}. */
  readonly leaseMs?: number;
  /** Called after each checkpoint. */
  readonly onStep?: (run: Run) => void;
}

/** If a coordinator dies, another process can continue its run after at most this time. */
export const RUN_LEASE_MS = 300_000;
/** Time for one call of a job, far below the duration of the run's lease: the lease must not end during the call. */
const STEP_MS = 30_000;
const SETTLE_PAUSE_MS = 2_000;

/**
 * If there is an unfinished run and no other process executes it, executes it for at most the given time. Returns the
 * run in its new state; undefined: this process had no run to execute, or lost the run's lease. A `MaintenanceError`
 * ends the run as failed; after a failure of the database or the loss of the lease the run stays unfinished.
 */
export async function advanceRun(advance: Advance, budgetMs: number): Promise<Run | undefined> {
  const { ask, clock, coordinator, logger, onlyKinds, kind } = advance;
  const options = { coordinator, leaseMs: advance.leaseMs ?? RUN_LEASE_MS, onlyKinds, kind };
  const lease = await ask((sql) => takeRun(sql, options));
  if (lease === undefined) return undefined;
  const endsAtMs = clock.now() + budgetMs;
  let current = lease;
  try {
    while (current.run.finishedAt === null && current.run.state !== "paused") {
      const step = await stepOf(advance, current, Math.min(endsAtMs, clock.now() + STEP_MS));
      const { waitMs = 0, ...progress } = step;
      current = { ...current, run: await save(advance, current, progress) };
      advance.onStep?.(current.run);
      if (clock.now() + waitMs >= endsAtMs || advance.signal.aborted) break;
      if (waitMs > 0) await sleep(clock, waitMs, advance.signal).catch(() => {});
      if (advance.signal.aborted) break;
    }
    return current.run;
  } catch (error) {
    if (error instanceof RunError && error.code === "run-lease-lost") {
      logger.warn({ error }, "another process coordinates the maintenance run now");
      return undefined;
    }
    throw error;
  } finally {
    if (current.run.finishedAt === null) await ask((sql) => releaseRun(sql, lease)).catch(() => {});
  }
}

function save(
  { ask, leaseMs = RUN_LEASE_MS }: Advance,
  lease: RunLease,
  progress: RunProgress,
): Promise<Run> {
  return ask((sql) => saveRun(sql, lease, leaseMs, progress));
}

async function stepOf(advance: Advance, { run, token }: RunLease, endsAtMs: number): Promise<Step> {
  const { ask, clock, signal, jobs, logger } = advance;
  const job = jobs.find(({ kind }) => kind === run.kind);
  if (job === undefined) return failed(unknownKind(run.kind));
  const context = { run, token, ask, clock, signal, endsAtMs };
  try {
    if (run.state !== "cancelling") return await job.advance(context);
    return (await job.settle(context)) ? { end: { state: "cancelled" } } : { waitMs: SETTLE_PAUSE_MS };
  } catch (error) {
    if (!(error instanceof MaintenanceError)) throw error;
    logger.error({ error, run: String(run.id) }, "the maintenance run failed");
    return failed(error);
  }
}

/** Thrown by a job that cannot continue and would fail again. After any other error the step is retried. */
export class MaintenanceError extends SlabmendError<"unknown-kind" | (string & {})> {}

function failed({ code, message, remedy }: MaintenanceError): Step {
  return { end: { state: "failed", error: { code, message, remedy } } };
}

function unknownKind(kind: string): MaintenanceError {
  return new MaintenanceError({
    code: "unknown-kind",
    message: `maintenance: expected a kind that this release supports, got ${kind}`,
    remedy: "Another release of slabmend started the run: continue or cancel the run with that release.",
  });
}
