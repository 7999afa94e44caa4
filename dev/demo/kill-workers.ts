/**
 * Kills workers in mid-repair, with SIGKILL, and counts a kill only if the worker held a running lease.
 *
 * For every worker that starts while kills are wanted: wait until its lease has begun, wait a little, look again, kill, and
 * when the process has ended look once more. If the commit was quicker, the kill does not count and the next worker is tried.
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
  /** Kills that hit a running lease, as far as known now. */
  readonly hits: number;
  /** Kills no more. */
  stop(): Promise<void>;
}

/**
 * Five slabs whose last repair crashed make the fleet ill if they are the majority, and then it backs off:
 * lib/database/fleet/circuit-breaker.ts, which looks at the latest twenty.
 */
const HARMLESS_CRASHED_SLABS = 4;
const MOST_CRASHED_SLABS = 9;
const POLL_MS = 5;
/** For each sector that moves: into the copies, the rebuild or the uploads, which take about 100 ms a sector. */
const LEAST_WAIT_MS = 5;
const MOST_WAIT_MS = 50;

export function startWorkerKiller(parts: {
  readonly sql: ISql;
  readonly mapping: EventSourceMapping;
  readonly wanted: number;
  /** How many sectors of a slab have to move. */
  readonly movesOf: (slabId: SlabId) => number;
  readonly random: () => number;
  readonly onKilled: (kill: { readonly pid: number; readonly slabId: SlabId }) => void;
  readonly onFailure: (error: unknown) => void;
}): WorkerKiller {
  const { sql, mapping, wanted, movesOf, random, onKilled, onFailure } = parts;
  const killsOf = new Map<SlabId, number>();
  /** Slabs whose last worker was killed, until another one has ended well. */
  const crashed = new Set<SlabId>();
  const repaired = new Set<SlabId>();
  const killedTokens = new Set<LeaseToken>();
  const hunts = new Set<Promise<void>>();
  let underWay = 0;
  let hits = 0;
  let stopped = false;

  const mostCrashed = (): number =>
    Math.min(Math.max(HARMLESS_CRASHED_SLABS, repaired.size), MOST_CRASHED_SLABS);
  const mayHunt = (slabId: SlabId): boolean =>
    !stopped &&
    hits + underWay < wanted &&
    (killsOf.get(slabId) ?? 0) < MOST_KILLS_PER_SLAB &&
    (crashed.has(slabId) || crashed.size + underWay < mostCrashed());

  const hunt = async (worker: BusyWorker, { slabId, token }: LeasedSlab): Promise<void> => {
    const busy = (): boolean => mapping.busyWorkers.includes(worker);
    while (!(await isRunning(sql, token))) {
      if (stopped || !busy()) return;
      await sleep(POLL_MS);
    }
    await sleep(movesOf(slabId) * (LEAST_WAIT_MS + random() * (MOST_WAIT_MS - LEAST_WAIT_MS)));
    if (stopped || !busy() || !(await isRunning(sql, token))) return;
    const ended = workerEnd(mapping, worker);
    if (!busy() || !mapping.killWorker(worker.pid)) return;
    await ended;
    if (!(await wasLeftRunning(sql, token))) return;
    hits += 1;
    killsOf.set(slabId, (killsOf.get(slabId) ?? 0) + 1);
    crashed.add(slabId);
    repaired.delete(slabId);
    killedTokens.add(token);
    onKilled({ pid: worker.pid, slabId });
  };

  const onStarted = (worker: BusyWorker): void => {
    const task = taskOf(worker);
    if (task === undefined || !mayHunt(task.slabId)) return;
    underWay += 1;
    const running = hunt(worker, task)
      .catch(onFailure)
      .finally(() => {
        underWay -= 1;
        hunts.delete(running);
      });
    hunts.add(running);
  };
  const onEnded: (...event: EventSourceMappingEvents["workerEnded"]) => void = (worker, { outcome }) => {
    const task = taskOf(worker);
    if (task === undefined || outcome.kind !== "succeeded" || killedTokens.has(task.token)) return;
    crashed.delete(task.slabId);
    repaired.add(task.slabId);
  };
  mapping.on("workerStarted", onStarted);
  mapping.on("workerEnded", onEnded);
  return {
    get hits() {
      return hits;
    },
    async stop() {
      stopped = true;
      mapping.off("workerStarted", onStarted);
      mapping.off("workerEnded", onEnded);
      await Promise.all(hunts);
    },
  };
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

/** Waits for a commit that the worker may have sent before it died; then the lease is gone. */
async function wasLeftRunning(sql: ISql, token: LeaseToken): Promise<boolean> {
  const rows = await sql`
    select from slabmend.leases where token = ${token} and began_at is not null for update`;
  return rows.length > 0;
}
