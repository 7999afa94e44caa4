import { expect, test } from "vitest";
import { NOTHING_KNOWN } from "../../lib/lifecycle/control-loop.ts";
import type { LifecycleState } from "../../lib/lifecycle/state-machine.ts";
import { decideReadiness, joinReadiness } from "../../lib/server/readiness.ts";
import type { IndexerHealth } from "../../lib/worker/indexer-loop.ts";

const nowMs = 1_800_000_000_000;
const job = { endedAtMs: nowMs - 1_000, stopped: null, failures: 0, trouble: null };
const trouble = { code: "lacks-right", message: "", remedy: null, sinceMs: 0 };
const worker = {
  name: "worker 1",
  pid: 1,
  startedAtMs: nowMs,
  restarts: 0,
  lastExit: null,
  crashLoopingSinceMs: null,
  repairs: [],
};
const fine: IndexerHealth = {
  indexer: "default",
  state: "working",
  startedAtMs: 0,
  restarts: 0,
  claim: job,
  reap: job,
  concurrency: 2,
  running: 0,
  workers: [worker, worker],
  trouble: null,
  done: { outcomes: {}, notBegun: 0, crashed: 0 },
};
const late = { ...job, endedAtMs: nowMs - 300_001 };
const looping = { ...worker, crashLoopingSinceMs: nowMs };

test.each([
  ["everything works", fine, undefined, {}],
  [
    "the supervisor is silent",
    null,
    undefined,
    { supervisor: "silent", claims: "unknown", workers: "unknown" },
  ],
  ["it drains", { ...fine, state: "draining" }, undefined, { supervisor: "draining" }],
  ["the database is unreachable", fine, "no-answer", { database: "no-answer" }],
  ["a claim has just failed", { ...fine, claim: { ...job, trouble } }, undefined, {}],
  ["claims stopped", { ...fine, claim: late }, undefined, { claims: "claims-stopped" }],
  [
    "the last claim was five minutes ago",
    { ...fine, claim: { ...job, endedAtMs: nowMs - 300_000 } },
    undefined,
    {},
  ],
  ["all workers are busy for longer than that", { ...fine, claim: late, running: 2 }, undefined, {}],
  ["claims fail", { ...fine, claim: { ...late, trouble } }, undefined, { claims: "lacks-right" }],
  [
    "serve has just been started",
    { ...fine, state: "starting", claim: { ...job, endedAtMs: null } },
    undefined,
    { claims: "starting", workers: "starting" },
  ],
  ["this machine is unfit", { ...fine, state: "unfit" }, undefined, { workers: "worker-unfit" }],
  ["one of two workers crashes", { ...fine, workers: [worker, looping] }, undefined, {}],
  ["all workers crash", { ...fine, workers: [looping, looping] }, undefined, { workers: "worker-crashing" }],
] as const)("readiness when %s", (_when, loop, databaseCode, wrong: Record<string, string>) => {
  const view = loop === null ? null : { lifecycle: { ...NOTHING_KNOWN, state: "running" as const }, loop };
  const { ready, checks } = decideReadiness({ nowMs, view, databaseCode });
  expect(Object.fromEntries(checks.filter(({ ok }) => !ok).map(({ name, code }) => [name, code]))).toEqual(
    wrong,
  );
  expect(ready).toBe(Object.keys(wrong).length === 0);
});

const withoutWork = (state: LifecycleState) => {
  const isIll = state === "repairing";
  const lifecycle = { ...NOTHING_KNOWN, state, trouble: isIll ? trouble : null };
  const view = { lifecycle, loop: null };
  return decideReadiness({ nowMs, view, databaseCode: undefined });
};

test("a stopped or deleted indexer counts as ready, unlike an indexer that is starting or cannot start", () => {
  for (const state of ["stopping", "stopped", "deleting", "deleted"] as const) {
    expect([state, withoutWork(state).ready]).toEqual([state, true]);
  }
  expect(withoutWork("repairing")).toMatchObject({
    ready: false,
    checks: [{}, {}, { code: "lacks-right" }, {}],
  });
  expect(withoutWork("initializing")).toMatchObject({
    ready: false,
    checks: [{}, {}, { code: "starting" }, {}],
  });
});

test("with several indexers, a failing indexer is named, but the server stays ready", () => {
  const ill = withoutWork("repairing");
  const well = withoutWork("stopped");
  const both = joinReadiness(
    new Map([
      ["a", ill],
      ["b", well],
    ]),
  );
  expect(both.ready).toBe(true);
  expect(both.checks.filter(({ ok }) => !ok).map(({ indexer, code }) => [indexer, code])).toEqual([
    ["a", "lacks-right"],
    ["a", "lacks-right"],
  ]);
  expect(joinReadiness(new Map([["a", ill]]))).toEqual(ill);
});
