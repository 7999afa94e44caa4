/**
 * SIGTERM while `serve` repairs from real hosts: running repairs finish, no more begin, and `serve` ends within the
 * time that it announced.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { checkRules } from "../../dev/demo/check-rules.ts";
import type { WorkersReport } from "../../lib/server/workers-report.ts";
import { createFleetRole, type FleetRole } from "../cli/fleet-role.ts";
import { descendantsOf, processState } from "../support/processes.ts";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "../support/repair-world.ts";
import { type SilentProxy, startSilentDatabase } from "../support/silent-proxy.ts";
import { until, untilEqual } from "../support/until.ts";
import { createServeWorld, type ServeProcess, type ServeWorld } from "./serve-world.ts";

const MIB = 1_048_576;
const stack = new AsyncDisposableStack();
let world: RepairWorld;
let role: FleetRole;
let proxy: SilentProxy & { readonly url: string };
let serves: ServeWorld;

beforeAll(async () => {
  world = await createRepairWorld({ hosts: 9 });
  stack.defer(() => world.stop());
  role = await createFleetRole(world.database, 12);
  stack.defer(() => role.drop());
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await world.heal();
  await world.database.sql`truncate slabmend.leases, slabmend.workers, slabmend.journal, slabmend.repairs`;
  // Slabs of earlier tests must not be leased.
  await world.database.sql`update slabs set next_repair_attempt = clock_timestamp() + interval '1 day'`;
  proxy = await startSilentDatabase(role.url);
  serves = createServeWorld(() => proxy.url, {
    SLABMEND_MIGRATION_SEED: world.variables["SLABMEND_MIGRATION_SEED"]!,
    SLABMEND_ALLOW_PRIVATE_ADDRESSES: "true",
  });
});
afterEach(async () => {
  await serves.clean();
  await proxy.stop();
});

async function brokenSlab(): Promise<StoredSlab> {
  const slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  await world.loseSector(slab, 1);
  await world.database.sql`
    update slabs set next_repair_attempt = clock_timestamp() - interval '1 minute' where id = ${String(slab.id)}`;
  // Passes over the sectors begin once a minute; this makes the next pass due at once.
  await world.database.sql`update slabmend.walks set pass_started_at = pass_started_at - interval '1 hour'`;
  return slab;
}

const slow = async (bytesPerSecond: number): Promise<void> => {
  for (const { swarm } of world.hosts) await swarm.setSwitches({ bytesPerSecond });
};

const report = async (serve: ServeProcess): Promise<WorkersReport["serve"]> =>
  ((await (await serve.fetch("/api/v1/workers")).json()) as WorkersReport).serve;

/** Waits until this many repairs run, all in this phase. */
async function untilAllIn(serve: ServeProcess, phase: string, count: number) {
  const seen = await until(
    () => report(serve),
    (told) => {
      const repairs = told?.workers.flatMap(({ repairs: own }) => own) ?? [];
      return repairs.length === count && repairs.every((repair) => repair.phase === phase);
    },
    { explain: () => serve.cli.out() },
  );
  return seen!;
}

/**
 * Ends `serve` by SIGTERM.
 * @returns the last line of `serve`, the time that it took to end, and the longest time that it had announced
 */
async function drain(serve: ServeProcess, meanwhile: () => Promise<void> = async () => {}) {
  const pids = [serve.cli.child.pid!, ...(await descendantsOf(serve.cli.child.pid!))];
  const toldAtMs = performance.now();
  serve.cli.child.kill("SIGTERM");
  await serve.cli.until('"message":"draining"');
  await meanwhile();
  expect(await serve.cli.ended, serve.cli.out()).toBe(0);
  const tookMs = performance.now() - toldAtMs;
  for (const pid of pids) await untilEqual(() => processState(pid), undefined);
  const lines = serve.cli.out().trimEnd().split("\n");
  const { atMostMs } = JSON.parse(lines.find((line) => line.includes('"message":"draining"'))!) as {
    atMostMs: number;
  };
  return { done: JSON.parse(lines.at(-1)!) as { outcomes: object; crashed: number }, tookMs, atMostMs };
}

test("after SIGTERM, serve finishes running repairs, begins no more, and answers over HTTP until its end", async () => {
  // So slow that both repairs still run when their number is read.
  await slow(400_000);
  const slabs = [await brokenSlab(), await brokenSlab(), await brokenSlab(), await brokenSlab()];
  const serve = await serves.start(["--timeout", "60"]);
  await untilAllIn(serve, "transfer", 2);
  const { done, tookMs, atMostMs } = await drain(serve, async () => {
    // The HTTP process is told of the shutdown within a second.
    const readiness = async () => {
      const ready = await serve.fetch("/readyz");
      return [ready.status, (await ready.text()).includes('"draining"')];
    };
    await untilEqual(readiness, [503, true]);
    expect((await serve.fetch("/healthz")).status).toBe(200);
    expect(await report(serve)).toMatchObject({ state: "draining", running: 2 });
    await slow(16 * MIB);
  });
  expect(done).toMatchObject({ done: true, outcomes: { repaired: 2 }, notBegun: 0, crashed: 0 });
  expect(atMostMs).toBe(105_000);
  expect(tookMs).toBeLessThan(atMostMs);
  const { sql } = world.database;
  expect(await sql`select outcome from slabmend.journal`).toEqual([
    { outcome: "repaired" },
    { outcome: "repaired" },
  ]);
  expect(await sql`select from slabmend.leases`).toEqual([]);
  expect(await sql`select from slabmend.workers`).toEqual([]);
  const wrong = await Promise.all(slabs.map((slab) => world.wrongSectors(slab)));
  expect(wrong.filter(({ length }) => length === 0)).toHaveLength(2);
  expect(await checkRules(sql, { settled: true })).toEqual([]);
});

test("after SIGTERM, serve gives up a repair at the repair's timeout, and leaves no lease", async () => {
  await slow(100_000);
  await brokenSlab();
  const serve = await serves.start(["--timeout", "10"]);
  await untilAllIn(serve, "transfer", 1);
  const { done, tookMs, atMostMs } = await drain(serve);
  expect(done).toMatchObject({ crashed: 0 });
  expect(atMostMs).toBe(55_000);
  expect(tookMs).toBeLessThan(atMostMs);
  const { sql } = world.database;
  expect(await sql`select outcome from slabmend.journal`).toEqual([{ outcome: "interrupted" }]);
  expect(await sql`select from slabmend.leases`).toEqual([]);
  expect(await checkRules(sql, { settled: true })).toEqual([]);
});

test("a hanging worker is killed at its time limit, and its lease stays until reap removes it", async () => {
  await slow(100_000);
  await brokenSlab();
  const serve = await serves.start(["--timeout", "10"]);
  const { workers } = await untilAllIn(serve, "transfer", 1);
  const { pid } = workers.find(({ repairs }) => repairs.length > 0)!;
  process.kill(pid!, "SIGSTOP");
  const { done, tookMs, atMostMs } = await drain(serve);
  expect(done).toMatchObject({ outcomes: {}, crashed: 1 });
  expect(tookMs).toBeLessThan(atMostMs);
  expect(await world.database.sql`select began_at is not null as began from slabmend.leases`).toEqual([
    { began: true },
  ]);
});

test("a hanging idle worker does not delay the end of serve beyond the announced time", async () => {
  const serve = await serves.start(["--timeout", "10"]);
  const { workers } = (await until(
    () => report(serve),
    (told) => told?.state === "working",
  ))!;
  process.kill(workers[0]!.pid!, "SIGSTOP");
  const { done, tookMs, atMostMs } = await drain(serve);
  expect(done).toMatchObject({ outcomes: {}, crashed: 0 });
  expect(tookMs).toBeLessThan(atMostMs);
});

test("a database that stops answering does not delay the end of serve beyond the announced time", async () => {
  await slow(MIB);
  await brokenSlab();
  const serve = await serves.start(["--timeout", "10"]);
  await untilAllIn(serve, "transfer", 1);
  const { tookMs, atMostMs } = await drain(serve, async () => void proxy.fallSilent());
  expect(tookMs).toBeLessThan(atMostMs);
});
