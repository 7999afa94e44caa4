import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../lib/slab/ids.ts";
import { createHandOver } from "../../lib/worker/hand-over.ts";
import { WorkerPool } from "../../lib/worker/worker-pool.ts";
import type { WorkEnd } from "../../lib/worker/worker-slot.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { processState } from "../support/processes.ts";
import { untilEqual } from "../support/until.ts";

const entry = fileURLToPath(new URL("./fixtures/obedient-worker.ts", import.meta.url));
const task = (does: "a" | "b" | "c" | "d" | "e" | "f") => ({
  slabId: parseSlabId("7"),
  digest: parseSlabDigest(does.repeat(64)),
  token: parseLeaseToken("00000000-0000-4000-8000-000000000007"),
});

let pool: WorkerPool;
const unfit: string[] = [];
const create = (size: number, { clock = systemClock, processes = size } = {}): WorkerPool => {
  const onUnfit = (reason: string) => void unfit.push(reason);
  pool = new WorkerPool({
    size,
    processes,
    environment: process.env,
    timeoutMs: 60_000,
    clock,
    onUnfit,
    entry,
  });
  return pool;
};
afterEach(() => pool.stop());

test("the worker pool reuses processes and never exceeds its size", async () => {
  create(2);
  await pool.start();
  const [pid] = pool.pids;
  expect(await pool.run(task("a"))).toEqual({ kind: "ended", outcome: `repaired by ${pid}` });
  const both = [pool.run(task("d")), pool.run(task("d"))];
  expect([pool.free, pool.pids.length]).toEqual([0, 2]);
  expect(() => pool.run(task("a"))).toThrow(RangeError);
  await Promise.all(both);
  expect([pool.free, pool.pids.length]).toEqual([2, 2]);
});

test("a crash of a worker process fails one repair, and the next repair gets a new process", async () => {
  create(1);
  expect(await pool.run(task("c"))).toEqual({ kind: "crashed" });
  expect(await pool.run(task("a"))).toMatchObject({ kind: "ended" });
  expect(await pool.run(task("b"))).toEqual({ kind: "not-begun", code: "ECONNREFUSED" });
});

test("several repairs share a process, and a kill fails only the repairs of that process", async () => {
  create(4, { processes: 2 });
  const all = [task("f"), task("f"), task("f"), task("f")].map((each) => pool.run(each));
  expect([pool.free, pool.pids.length]).toEqual([0, 2]);
  const [one, other] = pool.pids;
  process.kill(one!, "SIGKILL");
  // Repairs go to the least busy process, so they alternate between the two processes.
  expect(await Promise.all([all[0], all[2]])).toEqual([{ kind: "crashed" }, { kind: "crashed" }]);
  expect([pool.free, pool.pids]).toEqual([2, [other]]);
  expect(await pool.run(task("a"))).toMatchObject({ kind: "ended" });
  expect(pool.pids).toHaveLength(2);
  process.kill(other!, "SIGKILL");
  expect(await Promise.all([all[1], all[3]])).toEqual([{ kind: "crashed" }, { kind: "crashed" }]);
});

test("an unfit worker gets no more repairs and reports the reason", async () => {
  create(2);
  expect(await pool.run(task("e"))).toEqual({ kind: "ended", outcome: "fault" });
  expect(pool.free).toBe(0);
  expect(unfit).toEqual(["the clock is wrong"]);
});

test("a worker that exceeds its time limit is killed", async () => {
  const clock = createFakeClock();
  create(1, { clock });
  const end = pool.run(task("f"));
  const [pid] = pool.pids;
  await clock.advance(90_001);
  expect(await end).toEqual({ kind: "crashed" });
  await untilEqual(() => processState(pid!), undefined);
});

test("stopping the pool waits for running repairs, accepts no more, and leaves no process", async () => {
  create(2);
  const end = pool.run(task("d"));
  const { pids } = pool;
  await pool.stop();
  expect(pool.free).toBe(0);
  expect(await Promise.race([end, Promise.resolve("pending")])).toEqual({
    kind: "ended",
    outcome: "repaired",
  });
  for (const pid of pids) await untilEqual(() => processState(pid), undefined);
});

test("a worker that cannot start is detected before anything is leased", async () => {
  pool = new WorkerPool({
    size: 1,
    environment: { ...process.env, EXIT_AT_ONCE: "1" },
    timeoutMs: 1_000,
    clock: systemClock,
    entry,
  });
  await expect(pool.start()).rejects.toMatchObject({ code: "worker-failed" });
});

describe("the hand-over that replaces a queue", () => {
  test("the hand-over takes one slab per free worker, and returns leases that it refused or whose worker crashed", async () => {
    create(2);
    const ends: WorkEnd[] = [];
    const queue = createHandOver(pool, (end) => ends.push(end));
    const messages = [task("d"), task("c"), task("a")];
    const result = await queue.send(messages);
    expect(result.sent).toEqual(messages.slice(0, 2));
    expect(result.failed).toEqual([{ message: messages[2], code: "no-free-worker" }]);
    await untilEqual(() => ends.length, 2);
    expect(queue.takeLeftOver()).toEqual({
      leases: expect.arrayContaining([messages[1], messages[2]]),
      couldNotBegin: true,
    });
    expect(queue.takeLeftOver()).toEqual({ leases: [], couldNotBegin: false });
  });
});
