/** What works for the database: the processes of this `serve`, and every `work` and `serve` that tells it is alive. */
import * as v from "valibot";
import type { SeenWorker } from "../database/fleet/workers.ts";
import type { IndexerView } from "../lifecycle/indexer-control.ts";
import { count, id, SCHEMA_VERSION, schemaVersion, time } from "../reports/fields.ts";
import type { IndexerHealth, JobHealth } from "../worker/indexer-loop.ts";
import type { Trouble } from "../worker/trouble.ts";
import { createWorkReport } from "../worker/work-report.ts";

const ownTime = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.description("ISO 8601 in UTC, by this machine's clock"),
);
const pid = v.pipe(v.number(), v.integer());

const trouble = v.object({
  code: v.pipe(v.string(), v.description("stable")),
  message: v.string(),
  remedy: v.nullable(v.string()),
  since: ownTime,
});

const job = v.object({
  endedAt: v.nullable(v.pipe(ownTime, v.description("when it last ended without a failure"))),
  stopped: v.nullable(v.pipe(v.string(), v.description("of claim: why it ended"))),
  failures: v.pipe(count, v.description("in a row")),
  trouble: v.nullable(trouble),
});

const worker = v.object({
  name: v.string(),
  pid: v.nullable(v.pipe(pid, v.description("null: no process lives now; the next repair starts one"))),
  startedAt: v.nullable(ownTime),
  restarts: count,
  lastExit: v.nullable(v.pipe(v.string(), v.description("how its process last ended by itself"))),
  crashLoopingSince: v.nullable(
    v.pipe(ownTime, v.description("it ends soon after each start; null: it does not")),
  ),
  repairs: v.array(
    v.object({
      slabId: id,
      phase: v.pipe(v.picklist(["begin", "plan", "transfer", "commit", "events"])),
      startedAt: ownTime,
    }),
  ),
});

/** `GET /api/v1/workers`, and the event `workers`. */
export const workersSchema = v.object({
  schemaVersion,
  at: ownTime,
  serve: v.pipe(
    v.nullable(
      v.object({
        pid: v.pipe(pid, v.description("of the process that supervises, claims and reaps")),
        startedAt: ownTime,
        indexer: v.string(),
        state: v.pipe(
          v.picklist(["starting", "working", "unfit", "draining", "ended", "waiting"]),
          v.description("waiting: nothing of the indexer works here; /indexers says why"),
        ),
        trouble: v.nullable(v.pipe(trouble, v.description("what matters most of what is wrong"))),
        concurrency: v.pipe(count, v.description("repairs at once")),
        running: v.pipe(count, v.description("repairs under way")),
        claim: job,
        reap: job,
        workers: v.array(worker),
        http: v.object({ pid, restarts: count }),
        done: v.pipe(v.record(v.string(), count), v.description("repairs by outcome since its start")),
        notBegun: count,
        crashed: count,
      }),
    ),
    v.description("this serve; null: its supervisor has not been heard of for seconds"),
  ),
  fleet: v.pipe(
    v.nullable(
      v.array(
        v.object({
          id: v.string(),
          command: v.picklist(["work", "serve"]),
          host: v.string(),
          pid,
          concurrency: count,
          running: count,
          state: v.picklist(["working", "draining"]),
          trouble: v.nullable(v.pipe(v.string(), v.description("a stable code"))),
          startedAt: time,
          seenAt: time,
          isAlive: v.pipe(v.boolean(), v.description("false: it ended without saying so, within a day")),
        }),
      ),
    ),
    v.description("every work and serve on this database; null: the database does not answer"),
  ),
});

export type WorkersReport = v.InferOutput<typeof workersSchema>;

/** What the supervisor tells the process that serves HTTP. */
export interface SupervisorHealth {
  readonly pid: number;
  readonly startedAtMs: number;
  readonly httpPid: number;
  readonly httpRestarts: number;
  /** By name. */
  readonly indexers: readonly IndexerView[];
}

/** @param indexer whose; one that the supervisor does not know (any more) has no `serve` */
export function reportWorkers(
  nowMs: number,
  indexer: string,
  health: SupervisorHealth | null,
  fleet: readonly SeenWorker[] | null,
): WorkersReport {
  const view = health?.indexers.find(({ name }) => name === indexer);
  return {
    schemaVersion: SCHEMA_VERSION,
    at: iso(nowMs),
    serve: health === null || view === undefined ? null : reportServe(health, view),
    fleet:
      fleet?.map(({ startedAt, seenAt, trouble: code, ...row }) => ({
        ...row,
        trouble: code ?? null,
        startedAt: startedAt.toISOString(),
        seenAt: seenAt.toISOString(),
      })) ?? null,
  };
}

const NEVER: JobHealth = { endedAtMs: null, stopped: null, failures: 0, trouble: null };
const NOTHING = {
  state: "waiting",
  trouble: null,
  concurrency: 0,
  running: 0,
  claim: NEVER,
  reap: NEVER,
  workers: [] as IndexerHealth["workers"],
  done: createWorkReport(),
} as const;

function reportServe(
  { pid: ownPid, startedAtMs, httpPid, httpRestarts }: SupervisorHealth,
  { name: indexer, loop, lifecycle }: IndexerView,
) {
  const { state, trouble: wrong, concurrency, running, claim, reap, workers, done } = loop ?? NOTHING;
  return {
    pid: ownPid,
    startedAt: iso(startedAtMs),
    indexer,
    state,
    trouble: reportTrouble(wrong ?? lifecycle.trouble),
    concurrency,
    running,
    claim: reportJob(claim),
    reap: reportJob(reap),
    workers: workers.map(({ startedAtMs: at, crashLoopingSinceMs, repairs, ...facts }) => ({
      ...facts,
      startedAt: isoOrNull(at),
      crashLoopingSince: isoOrNull(crashLoopingSinceMs),
      repairs: repairs.map(({ slabId, phase, startedAtMs: since }) => ({
        slabId,
        phase,
        startedAt: iso(since),
      })),
    })),
    http: { pid: httpPid, restarts: httpRestarts },
    done: done.outcomes,
    notBegun: done.notBegun,
    crashed: done.crashed,
  };
}

function reportJob({ endedAtMs, stopped, failures, trouble: wrong }: JobHealth) {
  return { endedAt: isoOrNull(endedAtMs), stopped, failures, trouble: reportTrouble(wrong) };
}

function reportTrouble(wrong: Trouble | null) {
  if (wrong === null) return null;
  const { code, message, remedy, sinceMs } = wrong;
  return { code, message, remedy, since: iso(sinceMs) };
}

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));
