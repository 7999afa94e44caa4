/** The health of each unit of an indexer's work in this process, with the reason in a readable sentence. Pure. */
import type { IndexerHealth, JobHealth } from "../worker/indexer-loop.ts";
import type { WorkerHealth } from "../worker/worker-slot.ts";

export interface UnitHealth {
  /** `claim`, `reap`, `worker 1` … */
  readonly unit: string;
  /**
   * `processing`: the unit works; `idle`: there is nothing to do; `waiting`: it will retry, or an operator must act;
   * `stalled`: it should have reported long ago, and is restarted.
   */
  readonly health: "processing" | "idle" | "waiting" | "stalled";
  readonly says: string;
}

export interface UnitFacts {
  readonly nowMs: number;
  /** The time limit of a repair. */
  readonly timeoutMs: number;
}

/**
 * A claim takes at most 20 s and a reap at most 30 s, and each runs again within a minute: a job that has finished no
 * run for five minutes has stalled.
 */
const STALLED_AFTER_MS = 300_000;
/** Additional time for the first run: ten indexers that start at the same time on two cores are slow, not stalled. */
const START_GRACE_MS = 120_000;

export function judgeUnits(loop: IndexerHealth, facts: UnitFacts): readonly UnitHealth[] {
  return [
    judgeJob("claim", loop.claim, loop, facts),
    judgeJob("reap", loop.reap, loop, facts),
    ...loop.workers.map((worker) => judgeWorker(worker, facts)),
  ];
}

/** The reasons why claim runs but leases nothing. */
const STOPS: Readonly<Record<string, string>> = {
  paused: "the fleet is paused",
  suspended: "the fleet is suspended",
  maintenance: "the fleet is in maintenance",
  deleting: "the indexer is being deleted",
  "breaker-open":
    "the circuit breaker is open: most of the recent repairs failed, so only one slab a minute is tried",
};

function judgeJob(
  unit: "claim" | "reap",
  job: JobHealth,
  { startedAtMs, state }: IndexerHealth,
  { nowMs }: UnitFacts,
): UnitHealth {
  if (job.trouble !== null) {
    return { unit, health: "waiting", says: `failed and is tried again: ${job.trouble.message}` };
  }
  if (state !== "working") return { unit, health: "waiting", says: SAYS_OF_STATE[state] };
  // If the clock was set back, an old time must not look recent.
  const silentMs = Math.abs(nowMs - (job.endedAtMs ?? startedAtMs));
  if (silentMs >= STALLED_AFTER_MS + (job.endedAtMs === null ? START_GRACE_MS : 0)) {
    return {
      unit,
      health: "stalled",
      says: `has not completed a run for ${minutes(silentMs)}; it is restarted`,
    };
  }
  if (job.endedAtMs === null) return { unit, health: "waiting", says: "has just been started" };
  const stop = job.stopped === null ? undefined : STOPS[job.stopped];
  if (stop !== undefined) return { unit, health: "waiting", says: stop };
  const isBusy = job.stopped === "deadline" || job.stopped === "no-free-worker";
  if (isBusy) return { unit, health: "processing", says: "leases slabs as workers become free" };
  return { unit, health: "idle", says: unit === "claim" ? "no slab waits for repair" : "runs once a minute" };
}

const SAYS_OF_STATE: Readonly<Record<Exclude<IndexerHealth["state"], "working">, string>> = {
  starting: "waits for the first worker to start",
  unfit: "pauses, because this machine is unfit to repair",
  draining: "ends when running repairs are done",
  ended: "has ended",
};

function judgeWorker(worker: WorkerHealth, { nowMs, timeoutMs }: UnitFacts): UnitHealth {
  const { name: unit, pid, repairs, crashLoopingSinceMs, lastExit } = worker;
  if (repairs.length > 0) {
    const oldestMs = nowMs - Math.min(...repairs.map(({ startedAtMs }) => startedAtMs));
    const count = `${repairs.length} ${repairs.length === 1 ? "repair" : "repairs"}`;
    if (oldestMs <= timeoutMs) return { unit, health: "processing", says: count };
    return { unit, health: "stalled", says: `${count}, one past its time limit; its process is killed` };
  }
  if (crashLoopingSinceMs !== null) {
    return {
      unit,
      health: "waiting",
      says: `ends soon after each start (${lastExit}); it is restarted later`,
    };
  }
  if (pid === null) return { unit, health: "idle", says: "has no process; the next repair starts one" };
  return { unit, health: "idle", says: "has nothing to repair" };
}

const minutes = (ms: number): string => `${Math.round(ms / 60_000)} min`;
