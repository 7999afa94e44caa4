import { beforeEach, describe, expect, test } from "vitest";
import { forgetRuns } from "../../../lib/database/runs/forget-runs.ts";
import {
  readRuns,
  readUnfinishedRun,
  releaseRun,
  requestOfRun,
  saveRun,
  startRun,
  takeRun,
} from "../../../lib/database/runs/maintenance-runs.ts";
import { type RunRequest, type RunState, stateAfter } from "../../../lib/database/runs/run.ts";
import { useDatabase } from "../../support/database.ts";

const database = useDatabase();
beforeEach(async () => {
  await database.sql`delete from slabmend.runs`;
});

const LEASE_MS = 60_000;
const start = () => startRun(database.sql, { kind: "count", scope: { to: 3 }, owner: "ann@host" });
const take = (coordinator: string, leaseMs = LEASE_MS) => takeRun(database.sql, { coordinator, leaseMs });

test.each<[RunState, RunRequest, RunState | undefined]>([
  ["running", "pause", "paused"],
  ["paused", "pause", "paused"],
  ["cancelling", "pause", undefined],
  ["paused", "resume", "running"],
  ["running", "resume", "running"],
  ["cancelling", "resume", undefined],
  ["running", "cancel", "cancelling"],
  ["paused", "cancel", "cancelling"],
  ["cancelling", "cancel", "cancelling"],
  ["done", "cancel", undefined],
  ["failed", "resume", undefined],
  ["cancelled", "pause", undefined],
])("a run that is %s, asked to %s, is %s", (state, request, after) => {
  expect(stateAfter(state, request)).toBe(after);
});

describe("starting", () => {
  test("while a run is unfinished, ten simultaneous starts are refused, with the owner of that run in each error", async () => {
    const first = await start();
    expect(first).toMatchObject({ kind: "count", scope: { to: 3 }, state: "running", coordinator: null });
    const others = await Promise.allSettled(Array.from({ length: 10 }, start));
    for (const other of others) {
      expect(other).toMatchObject({
        status: "rejected",
        reason: { code: "run-active", message: expect.stringContaining("by ann@host") },
      });
    }
    expect(await readRuns(database.sql, 10)).toHaveLength(1);
  });

  test("a run may start after the previous run has ended", async () => {
    await start();
    const lease = (await take("a"))!;
    await saveRun(database.sql, lease, LEASE_MS, { end: { state: "done" }, statistics: { counted: 3 } });
    expect(await readUnfinishedRun(database.sql)).toBeUndefined();
    await start();
    expect((await readRuns(database.sql, 10)).map(({ state }) => state)).toEqual(["running", "done"]);
  });
});

describe("the lease", () => {
  test("one process has a run's lease; after the lease ends, another process continues at the checkpoint", async () => {
    await start();
    const first = (await take("a", 0))!;
    await saveRun(database.sql, first, 0, { checkpoint: { at: 2 } });
    const second = (await take("b"))!;
    expect(second.run).toMatchObject({ checkpoint: { at: 2 }, coordinator: "b" });
    expect(await take("c")).toBeUndefined();
    await releaseRun(database.sql, second);
    expect((await take("c"))?.run.coordinator).toBe("c");
  });

  test("a coordinator that lost the lease writes nothing, and its save fails with run-lease-lost", async () => {
    await start();
    const first = (await take("a", 0))!;
    const second = (await take("b"))!;
    const late = saveRun(database.sql, first, LEASE_MS, { checkpoint: { at: 9 }, end: { state: "done" } });
    await expect(late).rejects.toMatchObject({ code: "run-lease-lost" });
    await releaseRun(database.sql, first);
    expect(await readUnfinishedRun(database.sql)).toMatchObject({ checkpoint: {}, coordinator: "b" });
    await saveRun(database.sql, second, LEASE_MS, { checkpoint: { at: 1 } });
  });

  test("a takeover of a run waits until a checkpoint is written, and the checkpoint is kept", async () => {
    await start();
    const first = (await take("a", 0))!;
    await database.sql.begin(async (sql) => {
      await sql`select slabmend.hold_run(${String(first.run.id)}, ${first.token})`;
      const other = takeRun(database.sql, { coordinator: "b", leaseMs: LEASE_MS });
      await sql`update slabmend.runs set checkpoint = '{"at": 5}' where id = ${String(first.run.id)}`;
      void other.catch(() => {});
    });
    expect(await readUnfinishedRun(database.sql)).toMatchObject({ checkpoint: { at: 5 } });
  });

  test("a paused run is not taken over, and its coordinator learns of the pause when it saves", async () => {
    await start();
    const lease = (await take("a"))!;
    await requestOfRun(database.sql, "pause");
    expect(await saveRun(database.sql, lease, LEASE_MS, { checkpoint: { at: 1 } })).toMatchObject({
      state: "paused",
    });
    await releaseRun(database.sql, lease);
    expect(await take("b")).toBeUndefined();
    await requestOfRun(database.sql, "resume");
    expect((await take("b"))?.run.checkpoint).toEqual({ at: 1 });
  });
});

test("old finished runs are removed, unfinished runs never", async () => {
  const { sql } = database;
  await start();
  for (const days of [80, 100]) {
    await sql`
      insert into slabmend.runs (kind, scope, owner, state, started_at, finished_at)
      values ('count', '{}', ${`of ${days} days`}, 'done', now() - interval '200 days', now() - ${days} * interval '1 day')`;
  }
  await sql`update slabmend.runs set started_at = now() - interval '300 days' where finished_at is null`;
  await sql`insert into slabmend.checks select now() - interval '100 days', 1, 0, 0, 0, 0, 0`;
  expect(await forgetRuns(sql, 90 * 86_400_000)).toBe(2);
  expect((await readRuns(sql, 10)).map(({ owner }) => owner)).toEqual(["of 80 days", "ann@host"]);
});

test("a request is refused if no run exists, and if the run's state forbids it; the second error names the state", async () => {
  await expect(requestOfRun(database.sql, "cancel")).rejects.toMatchObject({ code: "no-run" });
  await start();
  await requestOfRun(database.sql, "cancel");
  await expect(requestOfRun(database.sql, "pause")).rejects.toMatchObject({
    code: "run-state",
    message: expect.stringContaining("got cancelling"),
  });
});
