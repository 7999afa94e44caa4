import { expect, test } from "vitest";
import { judgeUnits } from "../../lib/lifecycle/unit-health.ts";
import type { IndexerHealth, JobHealth } from "../../lib/worker/indexer-loop.ts";

const nowMs = 1_800_000_000_000;
const job: JobHealth = { endedAtMs: nowMs - 1_000, stopped: null, failures: 0, trouble: null };
const repair = { slabId: "7", phase: "transfer", startedAtMs: nowMs - 1_000 } as const;
const worker: IndexerHealth["workers"][number] = {
  name: "worker 1",
  pid: 7,
  startedAtMs: 0,
  restarts: 0,
  lastExit: null,
  crashLoopingSinceMs: null,
  repairs: [],
};
const fine: IndexerHealth = {
  indexer: "default",
  state: "working",
  startedAtMs: nowMs - 3_600_000,
  restarts: 0,
  claim: { ...job, stopped: "no-backlog" },
  reap: job,
  concurrency: 2,
  running: 0,
  workers: [worker],
  trouble: null,
  done: { outcomes: {}, notBegun: 0, crashed: 0 },
};
const trouble = { code: "no-answer", message: "the database says nothing", remedy: null, sinceMs: nowMs };
const never = { ...job, endedAtMs: null };

test.each<readonly [string, Partial<IndexerHealth>, string, string]>([
  ["there is no backlog", {}, "claim", "idle"],
  ["slabs are leased", { claim: { ...job, stopped: "deadline" } }, "claim", "processing"],
  ["all workers are busy", { claim: { ...job, stopped: "no-free-worker" } }, "claim", "processing"],
  ["the fleet is paused", { claim: { ...job, stopped: "paused" } }, "claim", "waiting"],
  ["a claim has failed", { claim: { ...job, trouble, endedAtMs: nowMs - 999_000 } }, "claim", "waiting"],
  [
    "it has reported nothing for 5 min",
    { claim: { ...job, endedAtMs: nowMs - 300_000 } },
    "claim",
    "stalled",
  ],
  [
    "it was started 6 min ago and never ended",
    { claim: never, startedAtMs: nowMs - 360_000 },
    "claim",
    "waiting",
  ],
  [
    "it was started 7 min ago and never ended",
    { claim: never, startedAtMs: nowMs - 420_000 },
    "claim",
    "stalled",
  ],
  ["no worker has started yet", { claim: never, state: "starting", startedAtMs: 0 }, "claim", "waiting"],
  ["reap runs", {}, "reap", "idle"],
  [
    "reap has reported nothing for 5 min",
    { reap: { ...job, endedAtMs: nowMs - 300_000 } },
    "reap",
    "stalled",
  ],
  ["a worker has nothing to do", {}, "worker 1", "idle"],
  ["a worker repairs", { workers: [{ ...worker, repairs: [repair] }] }, "worker 1", "processing"],
  [
    "a repair exceeds its time limit",
    { workers: [{ ...worker, repairs: [{ ...repair, startedAtMs: nowMs - 300_001 }] }] },
    "worker 1",
    "stalled",
  ],
  [
    "a worker crashes repeatedly",
    { workers: [{ ...worker, pid: null, crashLoopingSinceMs: nowMs, lastExit: "SIGSEGV" }] },
    "worker 1",
    "waiting",
  ],
])("a unit's health when %s", (_when, change, unit, health) => {
  const units = judgeUnits({ ...fine, ...change }, { nowMs, timeoutMs: 300_000 });
  expect(units.find((one) => one.unit === unit)).toMatchObject({ health, says: expect.stringMatching(/./) });
});
