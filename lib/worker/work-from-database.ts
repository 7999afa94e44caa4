/**
 * Work without a queue: claims from the database as many slabs as there are free workers, and reaps once a minute. It
 * may run next to a fleet on AWS, because several processes may claim and reap in parallel.
 *
 *   round: versions and privileges valid? -> claim for free workers -> wait for a free worker, or pause without backlog
 *
 * A lease that no worker could take is released. An unavailable database does not end the work: the failed step is
 * retried.
 */

import type { Clock } from "../clock/clock.ts";
import { sleep } from "../clock/sleep.ts";
import { type Ask, askWithin, type DeadlineClient } from "../database/client/deadline-client.ts";
import { StoreError } from "../database/client/store-error.ts";
import { countLeasesBesideQueue } from "../database/leases/count-leases.ts";
import { releaseUnbegunLease } from "../database/leases/lease-slab.ts";
import { assertFleetMayWork } from "../database/schema/assert-fleet-may-work.ts";
import { claim } from "../jobs/claim/claim.ts";
import { CLAIM_MEASURES } from "../jobs/claim/claim-metrics.ts";
import type { ClaimReport } from "../jobs/claim/claim-report.ts";
import type { ClaimSettings } from "../jobs/claim/claim-settings.ts";
import { reap } from "../jobs/reap/reap.ts";
import { REAP_MEASURES } from "../jobs/reap/reap-metrics.ts";
import type { ReapSettings } from "../jobs/reap/reap-settings.ts";
import type { DeadLetterQueue } from "../queue/dead-letter-queue.ts";
import type { Logger } from "../telemetry/logger.ts";
import { measureRun } from "../telemetry/measure-run.ts";
import type { MetricsOf } from "../telemetry/metrics.ts";
import { RepeatedLines } from "../telemetry/repeated-lines.ts";
import { COMPLETED_RUN, failedRun } from "../telemetry/run-metrics.ts";
import { standingMetrics, warnOfStanding } from "../telemetry/standing-metrics.ts";
import { createHandOver, type HandOver } from "./hand-over.ts";
import { mayPass } from "./may-pass.ts";
import type { ArchiveJob } from "./open-archive.ts";
import type { DueChecks } from "./open-due-checks.ts";
import type { MaintenanceCoordinator } from "./open-maintenance.ts";
import { createStopTeller } from "./tell-stop.ts";
import type { WorkerPool } from "./worker-pool.ts";
import type { WorkEnd } from "./worker-slot.ts";

export interface DatabaseWork {
  readonly database: DeadlineClient;
  /** The indexer's name. */
  readonly indexer: string;
  readonly pool: WorkerPool;
  /** The version of indexd's database that an operator has accepted. */
  readonly acceptedVersion?: number | undefined;
  readonly claim: ClaimSettings;
  readonly reap: ReapSettings;
  /** A run of the archive starts with each run of reap, unless the archive's previous run is still in progress. */
  readonly archive?: ArchiveJob | undefined;
  /** Starts with each run of reap, and runs beside claim and reap until reap is due again. */
  readonly maintenance?: MaintenanceCoordinator | undefined;
  /** Starts with each run of reap, and runs beside claim and reap until reap is due again. */
  readonly dueChecks?: Pick<DueChecks, "make"> | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metricsOf: MetricsOf;
  readonly onEnd: (end: WorkEnd) => void;
  /** Called after each run of claim and of reap. */
  readonly onRun?: (run: WorkRun) => void;
  /**
   * Which failures end the work; after any other failure the work is retried. Default: failures that time does not fix.
   */
  readonly isFatal?: (error: unknown) => boolean;
  /** Ends the work: claiming stops, and leases that have not begun are released. */
  readonly signal: AbortSignal;
}

/** A failure before claim or reap began counts as a failure of `claim`, because nothing is claimed then. */
export type WorkRun =
  | {
      readonly job: "claim";
      readonly kind: "ended";
      /** `no-free-worker`: nothing was claimed, because no worker was free. */
      readonly stopped: ClaimReport["stopped"] | "no-free-worker";
    }
  | { readonly job: "reap"; readonly kind: "ended" }
  | { readonly job: "claim" | "reap"; readonly kind: "failed"; readonly error: unknown };

/** Pause before the next claim if there is no backlog, if the fleet is paused, or if its circuit breaker is open. */
const IDLE_MS = 15_000;
/** Pause between two claims, so that one claim serves all workers that become free shortly after each other. */
const LEAST_PAUSE_MS = 250;
/**
 * Time limit of one claim, because the loop checks only between two claims whether it should end. Without the limit, a
 * walk that finds nothing could take long.
 */
const CLAIM_MS = 20_000;
const REAP_EVERY_MS = 60_000;
const REAP_MS = 30_000;
/**
 * Time limit of maintenance and of due checks: shorter than REAP_EVERY_MS, so that both have ended when the next run
 * of reap starts them again.
 */
const MAINTENANCE_MS = 55_000;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 60_000;

/** Without a queue there are no dead letters. */
const NO_DEAD_LETTERS: DeadLetterQueue = { receive: async () => [], delete: async () => {} };

/** @throws failures that time does not fix: an unknown indexd, another schema, a missing privilege */
export async function workFromDatabase(work: DatabaseWork): Promise<void> {
  const { pool, clock, logger, signal, onRun = () => {}, isFatal = (error) => !mayPass(error) } = work;
  const queue = createHandOver(pool, work.onEnd);
  const ask = askWithin(work.database, clock);
  const tellStop = createStopTeller(ask, logger);
  let reapAt = clock.now();
  let archiving: Promise<unknown> | undefined;
  let maintaining: Promise<unknown> | undefined;
  let checking: Promise<unknown> | undefined;
  const lines = new RepeatedLines(clock);
  let retryMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    let job: WorkRun["job"] = "claim";
    try {
      const standing = await ask((sql) => assertFleetMayWork(sql, work.acceptedVersion), {
        isIdempotent: true,
      });
      if (clock.now() >= reapAt) {
        reapAt = clock.now() + REAP_EVERY_MS;
        archiving ??= work.archive?.follow(ask, REAP_MS).finally(() => {
          archiving = undefined;
        });
        maintaining ??= work.maintenance
          ?.advance(ask, MAINTENANCE_MS)
          .catch((error) => logger.warn({ error }, "a step of the maintenance run failed; it is tried again"))
          .finally(() => {
            maintaining = undefined;
          });
        checking ??= makeChecks(work)?.finally(() => {
          checking = undefined;
        });
        job = "reap";
        warnOfStanding(logger, standing);
        const metrics = work.metricsOf("reap");
        metrics.print(standingMetrics(standing));
        const deps = { ask, clock, queue, deadLetters: NO_DEAD_LETTERS, indexer: work.indexer };
        await measureRun("reap", { logger, metrics }, REAP_MEASURES, () => reap(deps, work.reap, REAP_MS));
        onRun({ job, kind: "ended" });
        job = "claim";
      }
      const found = await claimForFreeWorkers(work, ask, queue, tellStop);
      retryMs = FIRST_RETRY_MS;
      await rest(work, found);
    } catch (error) {
      if (signal.aborted) break;
      onRun({ job, kind: "failed", error });
      // For a failure of reap, measureRun has already printed the metrics.
      if (job === "claim") work.metricsOf("claim").print(failedRun(error));
      if (isFatal(error)) throw error;
      const text = mayPass(error)
        ? "the database could not be used; it is tried again"
        : `${job} failed; it is tried again`;
      const said = lines.note(text, error);
      if (said !== undefined) logger.warn({ error, retryMs, ...said }, text);
      await sleep(clock, retryMs, signal).catch(() => {});
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
    // Without this pause, workers that cannot begin a repair would take one lease after another.
    if (await giveBack(work, ask, queue, lines)) await sleep(clock, IDLE_MS, signal).catch(() => {});
  }
  await pool.stop();
  await Promise.all([archiving, maintaining, checking]);
  await giveBack(work, ask, queue, lines);
}

/**
 * If the checks fail, the failure is logged, and the sectors that were claimed for them are due again in half an hour.
 */
function makeChecks({ dueChecks, logger, metricsOf }: DatabaseWork): Promise<void> | undefined {
  return dueChecks?.make(MAINTENANCE_MS).then(
    (sectors) => {
      if (sectors > 0) logger.info({ sectors }, "due checks were made");
    },
    (error: unknown) => {
      metricsOf("repair").print({ ChecksFailed: 1 });
      logger.warn({ error }, "due checks were not made; they are tried again");
    },
  );
}

/** `some`: the backlog may have slabs for the next worker that is free. */
async function claimForFreeWorkers(
  work: DatabaseWork,
  ask: Ask,
  queue: HandOver,
  tellStop: ReturnType<typeof createStopTeller>,
): Promise<"some" | "none"> {
  const { pool, clock, signal, onRun = () => {} } = work;
  if (pool.free === 0) {
    onRun({ job: "claim", kind: "ended", stopped: "no-free-worker" });
    return "some";
  }
  const report = await claim(
    { ask, queue, clock, signal },
    {
      ...work.claim,
      throughQueue: false,
      // The limit counts all leases outside the queue: those that exist already, and one for each free worker here.
      maxInFlight: (await ask(countLeasesBesideQueue)) + pool.free,
      batchLeases: Math.min(work.claim.batchLeases, pool.free),
      // Limits claim to one round, because this loop decides when the next round starts.
      topUpMs: CLAIM_MS,
    },
    CLAIM_MS,
  );
  onRun({ job: "claim", kind: "ended", stopped: report.stopped });
  await tellStop(report.stopped);
  work.metricsOf("claim").print({ ...COMPLETED_RUN, ...CLAIM_MEASURES.of(report) });
  // There are several rounds a second: log only those that found something.
  if (report.sent + report.resent > 0) work.logger.info({ report }, "claim ended");
  return report.stopped === "deadline" ? "some" : "none";
}

async function rest({ pool, clock, signal }: DatabaseWork, found: "some" | "none"): Promise<void> {
  const awake = new AbortController();
  const either = AbortSignal.any([signal, awake.signal]);
  const pause = found === "some" && pool.free > 0 ? LEAST_PAUSE_MS : IDLE_MS;
  // With a backlog, a worker that has ended its repair gets the next slab immediately; without a backlog it can wait.
  const ended = found === "some" && pool.free === 0 ? pool.whenOneEnds(either) : undefined;
  await Promise.race([sleep(clock, pause, either).catch(() => {}), ...(ended === undefined ? [] : [ended])]);
  awake.abort();
}

/** Releases the leases that the workers left over. Returns true if a repair did not begin or crashed. */
async function giveBack(
  { logger }: DatabaseWork,
  ask: Ask,
  queue: HandOver,
  lines: RepeatedLines,
): Promise<boolean> {
  const { leases, couldNotBegin } = queue.takeLeftOver();
  for (const lease of leases) {
    try {
      await ask((sql) => releaseUnbegunLease(sql, lease));
    } catch (error) {
      // A lease that cannot be released ends an hour after it was made; then reap frees the slab.
      const text = "a lease could not be released";
      const said = lines.note(text, error);
      if (said !== undefined) logger.warn({ error, slab: String(lease.slabId), ...said }, text);
      // The database is silent: for each of the other leases we would probably wait as long, in vain.
      if (error instanceof StoreError && error.code === "no-answer") break;
    }
  }
  return couldNotBegin;
}
