/**
 * Kills workers during repairs with SIGKILL, and counts a kill only if the worker held a running lease.
 *
 * For each worker that starts while kills are wanted: wait until its repair has begun, wait a little, check the lease,
 * kill the worker, and check the lease again when the process has ended. If the commit was faster than the kill, the
 * kill does not count, and the next worker is tried.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { ISql } from "postgres";
import { decodeRepairMessage } from "../../lib/queue/repair-message.ts";
import type { LeaseToken, SlabId } from "../../lib/slab/ids.ts";
import type { LeasedSlab } from "../../lib/slab/leased-slab.ts";
import type {
  BusyWorker,
  EventSourceMapping,
  EventSourceMappingEvents,
} from "../aws/event-source-mapping.ts";
import { MOST_KILLS_PER_SLAB } from "./plan-damage.ts";

export interface WorkerKiller {
  /** Number of kills so far that hit a worker with a running lease. */
  readonly hits: number;
  /** Stops killing. */
  stop(): Promise<void>;
}

/**
 * How many slabs may, at one time, have a last repair that crashed: four at first, later as many as the slabs that were
 * repaired, but never more than nine. With these limits the circuit breaker (lib/database/fleet/circuit-breaker.ts)
 * stays closed. It looks at the twenty slabs with the latest repairs, and opens if the last repair crashed for at least
 * five of them and for more than half of them.
 */
const HARMLESS_CRASHED_SLABS = 4;
const MOST_CRASHED_SLABS = 9;
const POLL_MS = 5;
/**
 * A kill waits for a random time between LEAST_WAIT_MS and MOST_WAIT_MS, multiplied by the number of sectors that the
 * repair moves. So a kill interrupts a copy, a rebuild or an upload: each of them takes about 100 ms per sector.
 */
const LEAST_WAIT_MS = 5;
const MOST_WAIT_MS = 50;

export interface WorkerKillerOptions {
  readonly sql: ISql;
  readonly mapping: EventSourceMapping;
  readonly wanted: number;
  /** The number of the slab's sectors that must move. */
  readonly movesOf: (slabId: SlabId) => number;
  readonly random: () => number;
  readonly onKilled: (kill: { readonly pid: number; readonly slabId: SlabId }) => void;
  readonly onFailure: (error: unknown) => void;
}

export function startWorkerKiller(options: WorkerKillerOptions): WorkerKiller {
  return new Killer(options);
}

class Killer implements WorkerKiller {
  hits = 0;
  readonly #options: WorkerKillerOptions;
  readonly #killsOf = new Map<SlabId, number>();
  /** Slabs whose last worker was killed. A slab leaves this set when another worker has repaired it. */
  readonly #crashed = new Set<SlabId>();
  readonly #repaired = new Set<SlabId>();
  readonly #killedTokens = new Set<LeaseToken>();
  readonly #hunts = new Set<Promise<void>>();
  #isStopped = false;

  constructor(options: WorkerKillerOptions) {
    this.#options = options;
    options.mapping.on("workerStarted", this.#onStarted);
    options.mapping.on("workerEnded", this.#onEnded);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.mapping.off("workerStarted", this.#onStarted);
    this.#options.mapping.off("workerEnded", this.#onEnded);
    await Promise.all(this.#hunts);
  }

  readonly #onStarted = (worker: BusyWorker): void => {
    const task = taskOf(worker);
    if (task === undefined || !this.#mayHunt(task.slabId)) return;
    const hunt = this.#hunt(worker, task)
      .catch(this.#options.onFailure)
      .finally(() => this.#hunts.delete(hunt));
    this.#hunts.add(hunt);
  };

  readonly #onEnded = (...[worker, { outcome }]: EventSourceMappingEvents["workerEnded"]): void => {
    const task = taskOf(worker);
    if (task === undefined || outcome.kind !== "succeeded" || this.#killedTokens.has(task.token)) return;
    this.#crashed.delete(task.slabId);
    this.#repaired.add(task.slabId);
  };

  #mayHunt(slabId: SlabId): boolean {
    const mostCrashed = Math.min(Math.max(HARMLESS_CRASHED_SLABS, this.#repaired.size), MOST_CRASHED_SLABS);
    return (
      !this.#isStopped &&
      this.hits + this.#hunts.size < this.#options.wanted &&
      (this.#killsOf.get(slabId) ?? 0) < MOST_KILLS_PER_SLAB &&
      (this.#crashed.has(slabId) || this.#crashed.size + this.#hunts.size < mostCrashed)
    );
  }

  async #hunt(worker: BusyWorker, { slabId, token }: LeasedSlab): Promise<void> {
    const { sql, mapping, movesOf, random, onKilled } = this.#options;
    const isBusy = (): boolean => mapping.busyWorkers.includes(worker);
    while (!(await isRunning(sql, token))) {
      if (this.#isStopped || !isBusy()) return;
      await sleep(POLL_MS);
    }
    await sleep(movesOf(slabId) * (LEAST_WAIT_MS + random() * (MOST_WAIT_MS - LEAST_WAIT_MS)));
    if (this.#isStopped || !isBusy() || !(await isRunning(sql, token))) return;
    const ended = workerEnd(mapping, worker);
    if (!isBusy() || !mapping.killWorker(worker.pid)) return;
    await ended;
    if (!(await wasLeftRunning(sql, token))) return;
    this.hits += 1;
    this.#killsOf.set(slabId, (this.#killsOf.get(slabId) ?? 0) + 1);
    this.#crashed.add(slabId);
    this.#repaired.delete(slabId);
    this.#killedTokens.add(token);
    onKilled({ pid: worker.pid, slabId });
  }
}

function taskOf(worker: BusyWorker): LeasedSlab | undefined {
  const [message] = worker.messages;
  return message === undefined ? undefined : decodeRepairMessage(message.body, "default");
}

function workerEnd(mapping: EventSourceMapping, worker: BusyWorker): Promise<void> {
  return new Promise((resolve) => {
    const onEnded = (ended: BusyWorker): void => {
      if (ended !== worker) return;
      mapping.off("workerEnded", onEnded);
      resolve();
    };
    mapping.on("workerEnded", onEnded);
  });
}

async function isRunning(sql: ISql, token: LeaseToken): Promise<boolean> {
  const rows = await sql`
    select from slabmend.leases
    where token = ${token} and began_at is not null and expires_at > clock_timestamp()`;
  return rows.length > 0;
}

/**
 * Whether a killed worker's lease is still there. If the worker sent its commit before it died, first waits until that
 * commit has ended and thus has removed the lease.
 */
async function wasLeftRunning(sql: ISql, token: LeaseToken): Promise<boolean> {
  const rows = await sql`
    select from slabmend.leases where token = ${token} and began_at is not null for update`;
  return rows.length > 0;
}
