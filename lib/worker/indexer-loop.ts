/**
 * All work for one indexer in a supervising process: claim, reap and a pool of workers, on the database without a
 * queue.
 *
 *   (new) --start--> starting --first worker ready--> working --drain--> draining --> ended
 *                       ^                                |
 *                       |\-- pause is over -- unfit <----/| a worker found this machine at fault
 *                       \---------- restart -------------/ a job has stalled
 *
 * What always holds: no failure ends this loop. `health` and the log report each failure, and after a pause the failed
 * work is tried again.
 */
import type { Sql } from "postgres";
import type { Clock } from "../clock/clock.ts";
import { sleep } from "../clock/sleep.ts";
import {
  type Ask,
  askWithin,
  createDeadlineClient,
  type DeadlineClient,
} from "../database/client/deadline-client.ts";
import type { ClaimSettings } from "../jobs/claim/claim-settings.ts";
import type { ReapSettings } from "../jobs/reap/reap-settings.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricsOf } from "../telemetry/metrics.ts";
import type { ArchiveJob } from "./open-archive.ts";
import { type DueChecks, type DueChecksOptions, openDueChecks } from "./open-due-checks.ts";
import { type MaintenanceCoordinator, type MaintenanceOptions, openMaintenance } from "./open-maintenance.ts";
import { startPresence } from "./presence.ts";
import { type Trouble, troubleOf } from "./trouble.ts";
import { type WorkRun, workFromDatabase } from "./work-from-database.ts";
import { countEnd, createWorkReport, type WorkReport } from "./work-report.ts";
import { WorkerPool } from "./worker-pool.ts";
import { KILL_AFTER_MS, type WorkerHealth } from "./worker-slot.ts";

export interface IndexerLoopOptions {
  /** The indexer's name. */
  readonly indexer: string;
  /** Creates a new client of the indexer's database. */
  readonly connect: () => Sql;
  /** The workers' complete environment, including the seed. */
  readonly workerEnvironment: Readonly<Record<string, string | undefined>>;
  /** The largest number of parallel repairs. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly acceptedVersion: number | undefined;
  readonly claim: ClaimSettings;
  readonly reap: ReapSettings;
  /** Closed when the loop has ended. */
  readonly archive?: ArchiveJob | undefined;
  /** Undefined: no maintenance runs are executed here. */
  readonly maintenance?: MaintenanceOptions["environment"] | undefined;
  /** Undefined: due checks are left to indexd. */
  readonly dueChecks?: DueChecksOptions["environment"] | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metricsOf: MetricsOf;
  /** The module that a worker runs. Default: worker-process.ts; tests use other modules. */
  readonly workerEntry?: string;
  /** Default: workFromDatabase; tests use a function that hangs. */
  readonly work?: typeof workFromDatabase;
}

export interface JobHealth {
  /** When a run of the job last ended successfully. */
  readonly endedAtMs: number | null;
  /** Only for claim: why its last run ended. */
  readonly stopped: string | null;
  /** Consecutive failures. */
  readonly failures: number;
  readonly trouble: Trouble | null;
}

export interface IndexerHealth {
  readonly indexer: string;
  readonly state: "starting" | "working" | "unfit" | "draining" | "ended";
  /** When the present work started. When a job stalls, the work is started again. */
  readonly startedAtMs: number;
  readonly restarts: number;
  readonly claim: JobHealth;
  readonly reap: JobHealth;
  readonly concurrency: number;
  /** Repairs in progress. */
  readonly running: number;
  readonly workers: readonly WorkerHealth[];
  /** The most important of the problems that keep this loop from working. */
  readonly trouble: Trouble | null;
  /** Totals since the start. */
  readonly done: WorkReport;
}

/**
 * Pause after a worker found this machine at fault: long, because a wrong clock or a broken network is rarely fixed
 * within moments.
 */
const UNFIT_PAUSE_MS = 600_000;
const LEAST_START_PAUSE_MS = 1_000;
/** Work that hangs after it was told to end is abandoned after this time. */
const ABANDON_AFTER_MS = 30_000;
/**
 * How long `drain` waits for a silent database once the last repair has ended. While repairs run, a statement may wait
 * for 20 s.
 */
const FAREWELL_MS = 5_000;
/**
 * The time limit for what follows the last repair: an idle worker that hangs is killed, the last statements end, and
 * everything else is closed.
 */
const CLOSE_MS = 15_000;
/**
 * Longest duration of draining: each repair ends within its time limit, or its process is killed soon after; then
 * everything is closed.
 */
export const mostDrainMs = (timeoutMs: number): number => timeoutMs + KILL_AFTER_MS + CLOSE_MS;
const NEVER: JobHealth = { endedAtMs: null, stopped: null, failures: 0, trouble: null };

export class IndexerLoop {
  readonly #options: IndexerLoopOptions;
  readonly #ending = new AbortController();
  readonly #done = createWorkReport();
  readonly #jobs = { claim: NEVER, reap: NEVER };
  #state: IndexerHealth["state"] = "starting";
  #pool: WorkerPool;
  #unfit: Trouble | undefined;
  #workerTrouble: Trouble | undefined;
  #running: Promise<void> | undefined;
  /** Called when a worker of the pool finds this machine unfit; set by the present work. */
  #onUnfit = (_reason: string): void => {};
  /** Ends the present work, to restart it. */
  #endWork = (): void => {};
  #startedAtMs: number;
  #restarts = 0;
  #size: number;

  constructor(options: IndexerLoopOptions) {
    this.#options = options;
    this.#size = options.concurrency;
    this.#startedAtMs = options.clock.now();
    this.#pool = this.#createPool();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Sets the number of parallel repairs, at most to the `concurrency` of the options. */
  resize(concurrency: number): void {
    this.#size = Math.min(concurrency, this.#options.concurrency);
    this.#pool.resize(this.#size);
  }

  /** Restarts claim, reap and workers, because one of them no longer responds. Running repairs are finished. */
  restart(): void {
    if (this.#state !== "working" && this.#state !== "starting") return;
    this.#restarts += 1;
    this.#startedAtMs = this.#options.clock.now();
    this.#jobs.claim = NEVER;
    this.#jobs.reap = NEVER;
    this.#endWork();
  }

  /**
   * Stops claiming, waits for running repairs, and closes all processes and connections. If the database does not
   * respond, it waits only briefly: reap ends the remaining leases later.
   */
  async drain(): Promise<WorkReport> {
    this.#ending.abort();
    if (this.#state !== "ended") this.#state = "draining";
    const { clock, logger } = this.#options;
    const late = Promise.withResolvers<void>();
    let cancel = (): void => {};
    const stopped = this.#pool.stop().then(() => {
      cancel = clock.after(FAREWELL_MS, () => {
        logger.warn("the database does not respond; reap will end the leases that this process still holds");
        late.resolve();
      });
    });
    await Promise.race([this.#running, late.promise]);
    await stopped;
    cancel();
    this.#state = "ended";
    return this.#done;
  }

  health(): IndexerHealth {
    const { claim, reap } = this.#jobs;
    const { size: concurrency, busy: running, health: workers } = this.#pool;
    return {
      indexer: this.#options.indexer,
      state: this.#state,
      startedAtMs: this.#startedAtMs,
      restarts: this.#restarts,
      claim,
      reap,
      concurrency,
      running,
      workers,
      trouble: this.#unfit ?? this.#workerTrouble ?? crashLoop(workers) ?? claim.trouble ?? reap.trouble,
      done: this.#done,
    };
  }

  async #run(): Promise<void> {
    const { clock, logger, connect } = this.#options;
    const database = createDeadlineClient({ clock, connect });
    // A separate client: a heartbeat queued behind a slow statement of claim would be late, and this process would look
    // dead.
    const presenceClient = createDeadlineClient({ clock, connect });
    const presence = startPresence({
      ask: askWithin(presenceClient, clock),
      clock,
      logger,
      command: "serve",
      describe: () => {
        const { concurrency, running, state, trouble } = this.health();
        return {
          concurrency,
          running,
          state: state === "draining" ? state : "working",
          trouble: trouble?.code,
        };
      },
    });
    const { signal } = this.#ending;
    const { maintenance: environment } = this.#options;
    const maintenance =
      environment === undefined ? undefined : openMaintenance({ environment, clock, logger, signal });
    const dueChecks = this.#openDueChecks(askWithin(database, clock));
    while (!signal.aborted) {
      await this.#workUntilRestart(database, { maintenance, dueChecks });
      if (signal.aborted) break;
      if (this.#unfit !== undefined) {
        this.#state = "unfit";
        logger.error(
          { reason: this.#unfit.message, pauseMs: UNFIT_PAUSE_MS },
          "this machine is unfit to repair",
        );
        await sleep(clock, UNFIT_PAUSE_MS, signal).catch(() => {});
        this.#unfit = undefined;
      }
      this.#pool = this.#createPool();
    }
    this.#options.archive?.close();
    await Promise.all([maintenance?.close(), dueChecks?.close()]);
    await Promise.all([database.end(), presence.stop().then(() => presenceClient.end())]);
  }

  #openDueChecks(ask: Ask): DueChecks | undefined {
    const { dueChecks: environment, clock, logger, metricsOf } = this.#options;
    if (environment === undefined) return undefined;
    return openDueChecks({
      environment,
      ask,
      clock,
      logger,
      signal: this.#ending.signal,
      onMetrics: (values) => metricsOf("repair").print(values),
    });
  }

  async #workUntilRestart(
    database: DeadlineClient,
    beside: {
      readonly maintenance: MaintenanceCoordinator | undefined;
      readonly dueChecks: DueChecks | undefined;
    },
  ): Promise<void> {
    const { indexer, acceptedVersion, claim, reap, archive, clock, logger, metricsOf } = this.#options;
    const pool = this.#pool;
    const { work = workFromDatabase } = this.#options;
    const ending = new AbortController();
    const signal = AbortSignal.any([this.#ending.signal, ending.signal]);
    const over = new AbortController();
    this.#endWork = () => ending.abort();
    this.#onUnfit = (reason) => {
      this.#unfit = {
        code: "worker-unfit",
        message: `work: expected this machine to be able to repair, but ${reason}`,
        remedy: "Check this machine's clock, its network and slabmend's release. No slab was blamed.",
        sinceMs: clock.now(),
      };
      ending.abort();
    };
    try {
      await this.#startFirstWorker(pool, signal);
      if (!signal.aborted) this.#state = "working";
      const working = work({
        database,
        indexer,
        pool,
        acceptedVersion,
        claim,
        reap,
        archive,
        ...beside,
        clock,
        logger,
        metricsOf,
        signal,
        isFatal: () => false,
        onEnd: (end) => countEnd(this.#done, end),
        onRun: (run) => {
          // Abandoned work may go on in the background; its runs do not count.
          if (!signal.aborted) this.#note(run);
        },
      });
      const abandoned = whenAborted(signal)
        .then(() => pool.stop())
        .then(() => sleep(clock, ABANDON_AFTER_MS, over.signal))
        .catch(() => {});
      await Promise.race([working, abandoned]);
    } finally {
      over.abort();
      await pool.stop();
    }
  }

  /** Called before anything is leased: workers that cannot start would take one lease after another, in vain. */
  async #startFirstWorker(pool: WorkerPool, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      try {
        await pool.start(signal);
        this.#workerTrouble = undefined;
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#workerTrouble = troubleOf(error, this.#workerTrouble?.sinceMs ?? clock.now());
        const pauseMs = Math.max(LEAST_START_PAUSE_MS, pool.startPauseMs);
        logger.error({ error, pauseMs }, "a worker could not be started; trying again");
        await sleep(clock, pauseMs, signal).catch(() => {});
      }
    }
  }

  #createPool(): WorkerPool {
    const { concurrency, workerEnvironment, timeoutMs, clock, workerEntry } = this.#options;
    const pool = new WorkerPool({
      size: concurrency,
      environment: workerEnvironment,
      timeoutMs,
      clock,
      onUnfit: (reason) => this.#onUnfit(reason),
      onMetrics: (values, dimensions) => this.#options.metricsOf("repair").print(values, dimensions),
      ...(workerEntry === undefined ? {} : { entry: workerEntry }),
    });
    pool.resize(this.#size);
    return pool;
  }

  #note(run: WorkRun): void {
    const nowMs = this.#options.clock.now();
    const before = this.#jobs[run.job];
    if (run.kind === "ended") {
      const stopped = run.job === "claim" ? run.stopped : null;
      this.#jobs[run.job] = { endedAtMs: nowMs, stopped, failures: 0, trouble: null };
    } else {
      const trouble = troubleOf(run.error, before.trouble?.sinceMs ?? nowMs);
      this.#jobs[run.job] = { ...before, failures: before.failures + 1, trouble };
    }
  }
}

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** Reports the workers that repeatedly end soon after their start. */
function crashLoop(workers: readonly WorkerHealth[]): Trouble | null {
  const looping = workers.filter(({ crashLoopingSinceMs }) => crashLoopingSinceMs !== null);
  if (looping.length === 0) return null;
  const names = looping.map(({ name, lastExit }) => `${name} (${lastExit})`).join(", ");
  return {
    code: "worker-crashing",
    message: `${names}: expected to run for at least a minute, but ended soon after each start`,
    remedy: "See the worker's output. A worker needs 150 to 600 MiB of memory, and Node.js 24.",
    sinceMs: Math.min(...looping.map(({ crashLoopingSinceMs }) => crashLoopingSinceMs!)),
  };
}
