/** `slabmend maintenance` as an operator types it, with the privileges of `slabmend grant`. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "../support/repair-world.ts";
import { untilEqual } from "../support/until.ts";
import { startCli } from "./cli-process.ts";
import { createFleetRole, type FleetRole } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

let world: RepairWorld;
let role: FleetRole;
let slab: StoredSlab;
let environment: Record<string, string>;

beforeAll(async () => {
  world = await createRepairWorld({ hosts: 5 });
  role = await createFleetRole(world.database);
  slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  environment = { ...world.variables, SLABMEND_DATABASE_URL: role.url };
});
afterAll(async () => {
  await role?.drop();
  await world?.stop();
});
beforeEach(async () => {
  await world.heal();
  // The walk pauses for a minute after a pass. Without the walk's state the next `work` begins a pass at once.
  await world.database.sql`truncate slabmend.runs, slabmend.denials, slabmend.walks`;
});

const maintenance = (...args: string[]) => runCli(["--json", "maintenance", ...args], { environment });
const read = (out: string) => JSON.parse(out);
const startDetached = () => maintenance("start", "verify", "--slab", String(slab.id), "--detach");

test("maintenance start executes a slab's verification itself, and exits with 6 if a host denies a sector", async () => {
  const fine = await maintenance("start", "verify", "--slab", String(slab.id));
  expect([fine.code, fine.err]).toEqual([0, ""]);
  expect(read(fine.out)).toMatchObject({
    run: {
      kind: "verify",
      slabId: String(slab.id),
      state: "done",
      progress: { done: 4, total: 4, unit: "sectors" },
    },
    affected: { sectors: 0, slabs: [], objects: [] },
  });
  const host = slab.hosts[2]!;
  await host.swarm.setSwitches({ findsSectorsCorrupt: "all" });
  const denied = await maintenance("start", "verify", "--host", host.row.hostKey);
  expect(denied.code).toBe(6);
  expect(read(denied.out)).toMatchObject({
    run: { state: "done", statistics: { confirmed: 0, denied: 1 } },
    affected: { sectors: 1, slabs: [String(slab.id)], objects: [slab.objectKey.toString("hex")] },
  });
  const { code, json } = await runCli(["maintenance", "status", "--json"], { environment });
  expect(code).toBe(0);
  expect(json).toMatchObject({ run: { state: "done" }, earlier: [{ state: "done" }] });
  const { out } = await runCli(["maintenance", "status"], { environment });
  expect(out).toContain("hosts proved a leaf of 0 sectors and denied 1 sectors");
  expect(out.replace(/\s+/g, " ")).toContain("not that it has the whole sector");
});

test("a dry run of a verification prints the cost and starts nothing", async () => {
  const { code, out } = await maintenance("start", "verify", "--slab", String(slab.id), "--dry-run");
  expect(code).toBe(0);
  const { run, estimate } = read(out);
  expect(run).toBeNull();
  expect(estimate.values).toMatchObject({ reads: 4, sectors: 4 });
  expect(BigInt(estimate.values.hastings)).toBeGreaterThan(0n);
  expect(await world.database.sql`select from slabmend.runs`).toHaveLength(0);
});

test("a detached run can be paused and resumed, prevents a second run, and is cancelled at once if no process executes it", async () => {
  expect(read((await startDetached()).out)).toMatchObject({ run: { state: "running", coordinator: null } });
  const second = await startDetached();
  expect([second.code, second.error?.code]).toEqual([5, "run-active"]);
  expect(read((await maintenance("pause")).out).run.state).toBe("paused");
  expect(read((await maintenance("resume")).out).run.state).toBe("running");
  expect(read((await maintenance("cancel")).out).run.state).toBe("cancelled");
  const none = await maintenance("cancel");
  expect([none.code, none.error?.code]).toEqual([5, "no-run"]);
});

test("maintenance watch --coordinate executes a detached run to its end and shows the result", async () => {
  await startDetached();
  const watched = await maintenance("watch", "--coordinate");
  expect(watched.code).toBe(0);
  expect(read(watched.out)).toMatchObject({ run: { state: "done", statistics: { confirmed: 4 } } });
});

test("work --from-database executes a detached run", async () => {
  await startDetached();
  const work = startCli(["work", "--from-database", "--concurrency", "1"], environment);
  try {
    const { sql } = world.database;
    const state = async () => (await sql`select state from slabmend.runs`)[0]?.["state"];
    await work.meanwhile(untilEqual(state, "done"));
  } finally {
    work.child.kill("SIGTERM");
  }
  expect(await work.ended).toBe(0);
});

test("work --from-database with SLABMEND_VERIFY=due makes due checks without a run", async () => {
  const { sql } = world.database;
  await sql`update sectors set next_integrity_check = now() - interval '1 day'`;
  const left = async () => {
    const [row] = await sql`
      select count(*)::int as due from sectors where next_integrity_check < now() + interval '13 days'`;
    return row!["due"];
  };
  const work = startCli(["work", "--from-database", "--concurrency", "1"], {
    ...environment,
    SLABMEND_VERIFY: "due",
  });
  try {
    await work.meanwhile(untilEqual(left, 0));
  } finally {
    work.child.kill("SIGTERM");
  }
  expect(await work.ended).toBe(0);
  expect(
    await sql`select sum(confirmed)::int as confirmed, sum(denied)::int as denied from slabmend.checks`,
  ).toEqual([{ confirmed: 4, denied: 0 }]);
  expect(await sql`select from slabmend.runs`).toHaveLength(0);
});

test("Ctrl+C during maintenance start detaches: the run stays, without a coordinator", async () => {
  for (const { swarm } of slab.hosts) await swarm.setSwitches({ availability: "silent" });
  const interrupt = new AbortController();
  const started = runCli(["maintenance", "start", "verify", "--slab", String(slab.id)], {
    environment,
    signal: interrupt.signal,
  });
  const { sql } = world.database;
  await expect
    .poll(async () => (await sql`select from slabmend.runs where coordinator is not null`).length, {
      timeout: 30_000,
    })
    .toBe(1);
  interrupt.abort();
  const { code, err } = await started;
  expect(code).toBe(130);
  expect(err).toContain("detached");
  expect(await sql`select state, coordinator from slabmend.runs`).toEqual([
    { state: "running", coordinator: null },
  ]);
});

test.each([
  [["start", "move"], "bad-argument"],
  [["start", "drain"], "bad-argument"],
  [["start", "drain", "--host", "ab".repeat(32)], "no-such-host"],
  [["start", "drain", "--slab", "1"], "bad-argument"],
  [["start", "verify", "--host", "ab".repeat(32), "--host", "cd".repeat(32)], "bad-argument"],
  [["start", "verify"], "bad-argument"],
  [["start", "verify", "--slab", "1", "--sample"], "bad-argument"],
  [["start", "verify", "--host", "ab".repeat(32)], "no-such-host"],
  [["start", "verify", "--slab", "999999"], "no-such-slab"],
])("%j is refused as %s", async (args, code) => {
  const refused = await maintenance(...args);
  expect([refused.code, refused.error?.code]).toEqual([3, code]);
});

describe("drain", () => {
  const hostKey = (n: number): string => world.hosts[n]!.row.hostKey;

  test("a dry run of a drain prints time, traffic and cost, and starts nothing", async () => {
    const { code, out } = await maintenance("start", "drain", "--host", hostKey(0), "--dry-run");
    expect(code).toBe(0);
    const { run, estimate } = read(out);
    expect(run).toBeNull();
    expect(estimate.values).toMatchObject({
      sectors: 1,
      bytesRead: 4_194_304,
      bytesWritten: 4_194_304,
      targets: 4,
    });
    expect(BigInt(estimate.values.hastings)).toBeGreaterThan(0n);
    expect(await world.database.sql`select from slabmend.runs`).toHaveLength(0);
  });

  test("a drain of a host without sectors ends at once, without a seed", async () => {
    const { SLABMEND_MIGRATION_SEED: _, ...seedless } = environment;
    const args = ["--json", "maintenance", "start", "drain", "--host", hostKey(4)];
    const { code, out } = await runCli(args, { environment: seedless });
    expect(code).toBe(0);
    expect(read(out)).toMatchObject({
      run: {
        kind: "drain",
        host: hostKey(4),
        hosts: [hostKey(4)],
        state: "done",
        progress: { done: 0, total: 0 },
      },
    });
  });

  test("work --from-database executes a detached drain and copies the sector", async () => {
    const started = await maintenance("start", "drain", "--host", hostKey(0), "--detach");
    expect(read(started.out)).toMatchObject({
      run: { kind: "drain", state: "running", progress: { done: 0, total: 1 } },
    });
    const work = startCli(["work", "--from-database", "--concurrency", "1"], environment);
    try {
      const { sql } = world.database;
      const state = async () => (await sql`select state from slabmend.runs`)[0]?.["state"];
      await work.meanwhile(untilEqual(state, "done"));
    } finally {
      work.child.kill("SIGTERM");
    }
    expect(await work.ended).toBe(0);
    expect((await world.locations(slab))[0]).toBe(world.hosts[4]);
    const { out } = await runCli(["maintenance", "status"], { environment });
    expect(out.replace(/\s+/g, " ")).toContain("1 copied, 0 rebuilt");
    expect(out.replace(/\s+/g, " ")).toContain("Block the host in indexd now");
  });
});
