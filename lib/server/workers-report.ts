/** The workers of a database: the processes of this `serve`, and every `work` and `serve` with a heartbeat. */
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
  endedAt: v.nullable(v.pipe(ownTime, v.description("end of the last successful run"))),
  stopped: v.nullable(v.pipe(v.string(), v.description("why claim ended early; null: it did not"))),
  failures: v.pipe(count, v.description("consecutive failures")),
  trouble: v.nullable(trouble),
});

const worker = v.object({
  name: v.string(),
  pid: v.nullable(v.pipe(pid, v.description("null: no process runs now; the next repair starts one"))),
  startedAt: v.nullable(ownTime),
  restarts: count,
  lastExit: v.nullable(v.pipe(v.string(), v.description("how its process last ended unexpectedly"))),
  crashLoopingSince: v.nullable(
    v.pipe(
      ownTime,
      v.description("since when its process has ended soon after each start; null: it has not"),
    ),
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
        pid: v.pipe(pid, v.description("process that supervises, claims and reaps")),
        startedAt: ownTime,
        indexer: v.string(),
        state: v.pipe(
          v.picklist(["starting", "working", "unfit", "draining", "ended", "waiting"]),
          v.description("waiting: nothing runs here for the indexer; /indexers says why"),
        ),
        trouble: v.nullable(v.pipe(trouble, v.description("the most important problem; null: none"))),
        concurrency: v.pipe(count, v.description("maximum number of simultaneous repairs")),
        running: v.pipe(count, v.description("running repairs")),
        claim: job,
        reap: job,
        workers: v.array(worker),
        http: v.object({ pid, restarts: count }),
        done: v.pipe(
          v.record(v.string(), count),
          v.description("repairs by outcome since the start of this serve"),
        ),
        notBegun: count,
        crashed: count,
      }),
    ),
    v.description(
      "this `serve`; null: its supervisor has been silent for 15 s, or does not know the indexer",
    ),
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
          isAlive: v.pipe(
            v.boolean(),
            v.description("false: it stopped within the last day without reporting its end"),
          ),
        }),
      ),
    ),
    v.description("every `work` and `serve` on this database; null: the database does not answer"),
  ),
});

export type WorkersReport = v.InferOutput<typeof workersSchema>;

/** The supervisor's message to the HTTP process. */
export interface SupervisorHealth {
  readonly pid: number;
  readonly startedAtMs: number;
  readonly httpPid: number;
  readonly httpRestarts: number;
  /** By name. */
  readonly indexers: readonly IndexerView[];
}

/** @param health null while the supervisor is silent */
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
