/** plan, repair and status on real hosts, under the workers' role. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { checkRules } from "../../dev/demo/check-rules.ts";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";
import { applyGrant, createFleetRole, type FleetRole } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

const SECTOR_BYTES = 4_194_304;
let world: RepairWorld;
let role: FleetRole;
let environment: Record<string, string>;

beforeAll(async () => {
  world = await createRepairWorld({ hosts: 12 });
  role = await createFleetRole(world.database);
  environment = { ...world.variables, SLABMEND_DATABASE_URL: role.url };
});
afterAll(async () => {
  await role?.drop();
  await world?.stop();
});

beforeEach(() => world.heal());

const cli = (...args: string[]) => runCli(args, { environment });

/** Stores a slab whose next attempt has been due for so long that indexd's grace is over. */
async function storeDueSlab(): Promise<StoredSlab> {
  const slab = await world.storeSlab({ minShards: 3, totalShards: 6 });
  await world.database.sql`
    update slabs set next_repair_attempt = clock_timestamp() - interval '2 hours' where id = ${String(slab.id)}`;
  return slab;
}

/** Reads everything that the command `plan` could have changed. */
async function everything(): Promise<unknown> {
  const { sql } = world.database;
  return {
    slabs: await sql`select * from slabs order by id`,
    sectors: await sql`select * from sectors order by id`,
    leases: await sql`select * from slabmend.leases`,
    repairs: await sql`select * from slabmend.repairs order by slab_id`,
    requests: await Promise.all(world.hosts.map(async ({ swarm }) => (await swarm.counters()).rpcs)),
  };
}

test("plan lists the moves, writes nothing and dials no host", async () => {
  const slab = await storeDueSlab();
  await world.loseSector(slab, 1);
  await blockHost(world.database.sql, slab.hosts[4]!.row.hostKey);
  const before = await everything();
  const { code, json, out } = await cli("plan", String(slab.id), "--json");
  expect(await everything()).toEqual(before);
  expect([code, json]).toMatchObject([
    0,
    {
      digest: slab.digest,
      verdict: "repair",
      margin: 1,
      moves: [
        { index: 1, reason: "lost", how: "rebuilt" },
        { index: 4, reason: "bad-host", how: "copied", from: { blocked: true } },
      ],
      // Three sectors are read: the sector to copy, which is also a source of the rebuild, and two more sources.
      bytesRead: 3 * SECTOR_BYTES,
      bytesWritten: 2 * SECTOR_BYTES,
      state: { lease: "none" },
    },
  ]);
  expect(out).not.toMatch(/encryptionKey|token/i);
  const byDigest = await cli("plan", slab.digest);
  expect(byDigest.code).toBe(0);
  expect(byDigest.out).toContain("8 MiB to write");
});

test("repair repairs the slab as planned, and status shows it", async () => {
  const slab = await storeDueSlab();
  await world.loseSector(slab, 0);
  const { code, json } = await cli("repair", String(slab.id), "--json");
  expect([code, json]).toMatchObject([
    0,
    {
      outcome: "repaired",
      journal: { moves: [{ index: 0, how: "rebuilt", from: null }], bytesWritten: SECTOR_BYTES },
    },
  ]);
  expect(await world.wrongSectors(slab)).toEqual([]);
  expect(await checkRules(world.database.sql, { settled: true })).toEqual([]);

  const again = await cli("repair", String(slab.id));
  expect([again.code, again.out]).toMatchObject([0, expect.stringContaining("healthy")]);

  const status = await cli("status", "--json");
  expect([status.code, status.json]).toMatchObject([
    0,
    {
      leases: { running: 0, unsent: 0 },
      lastHour: { repaired: 1, healthy: 1 },
      today: { repairs: 2, sectorsRebuilt: 1, bytesWritten: SECTOR_BYTES },
      deadLetters: 0,
      quarantined: 0,
      breaker: { open: false },
    },
  ]);
  const text = await cli("status");
  expect(text.out).toContain("1 repaired");
});

test("repair refuses a slab in use and says why; --force overrides indexd's claim, but not a lease", async () => {
  const { sql } = world.database;
  const slab = await world.storeSlab({ minShards: 3, totalShards: 6 });
  const id = String(slab.id);
  // indexd has just claimed the slab.
  await sql`update slabs set next_repair_attempt = clock_timestamp() + interval '1 hour' where id = ${id}`;
  const left = await cli("repair", id, "--json");
  expect([left.code, left.error?.code, left.error?.message]).toEqual([
    5,
    "slab-not-leasable",
    expect.stringMatching(/indexd's own loop.*until 20/),
  ]);
  expect((await cli("repair", id, "--force", "--json")).json).toMatchObject({ outcome: "healthy" });

  await world.lease(slab);
  expect((await cli("repair", id, "--force", "--json")).error?.message).toContain("it is leased");
  await sql`delete from slabmend.leases`;

  await sql`
    update slabmend.repairs set quarantined_until = clock_timestamp() + interval '1 day' where slab_id = ${id}`;
  expect((await cli("repair", id, "--json")).error?.message).toContain("it is in quarantine");
  await sql`update slabmend.repairs set quarantined_until = null`;

  await sql.begin(async (tx) => {
    await tx`select from slabs where id = ${id} for no key update`;
    expect((await cli("repair", id, "--json")).error?.message).toContain(
      "another transaction is using its row",
    );
  });
});

test("if the repair is unsuccessful, the repair command exits with 6, the exit code for findings", async () => {
  const slab = await storeDueSlab();
  for (const index of [0, 1, 2, 3]) await world.loseSector(slab, index);
  const { code, json } = await cli("repair", String(slab.id), "--json");
  expect([code, json]).toMatchObject([6, { outcome: "too-few-sources" }]);
  expect((await cli("plan", String(slab.id), "--json")).json).toMatchObject({
    verdict: "too-few-sources",
    margin: -1,
  });
  expect((await cli("status", "--json")).json).toMatchObject({ atRisk: 1 });
});

test("an unsuccessful repair lists the hosts' answers by code, as text and as JSON", async () => {
  const slab = await storeDueSlab();
  for (const index of [0, 1]) await world.loseSector(slab, index);
  await slab.hosts[2]!.swarm.setSwitches({ shuttingDown: true });
  await slab.hosts[3]!.swarm.setSwitches({ availability: "offline" });
  try {
    const said = "1 host-shutting-down, 1 unreachable";
    const text = await cli("repair", String(slab.id));
    expect([text.code, text.out]).toEqual([6, expect.stringContaining(`too-few-sources, error ${said}`)]);
    await world.database
      .sql`update slabs set next_repair_attempt = now() - interval '1 hour' where id = ${String(slab.id)}`;
    expect((await cli("repair", String(slab.id), "--json")).json).toMatchObject({ journal: { error: said } });
  } finally {
    await world.heal();
  }
});

test.each([
  ["a seed of 31 bytes", { SLABMEND_MIGRATION_SEED: "5e".repeat(31) }],
  ["no seed", { SLABMEND_MIGRATION_SEED: undefined }],
])("%s: says so, leaves no lease behind, keeps it to itself", async (_name, variables) => {
  const slab = await storeDueSlab();
  const { code, err, error } = await runCli(["repair", String(slab.id), "--json"], {
    environment: { ...environment, ...variables },
  });
  expect([code, error?.code]).toEqual([3, "configuration"]);
  expect(error?.message).toContain("64 hex digits");
  expect(err).not.toContain("5e5e5e");
  expect(await world.database.sql`select from slabmend.leases`).toHaveLength(0);
});

test.each([
  ["999999999", 3, "no-such-slab"],
  ["f".repeat(64), 3, "no-such-slab"],
  ["slab-7", 3, "bad-argument"],
  ["-1", 3, "bad-argument"],
])("plan %s", async (slab, exit, expectedCode) => {
  const { code, error } = await cli("plan", slab, "--json");
  expect([code, error?.code]).toEqual([exit, expectedCode]);
});

test("plan names a missing privilege of the role, with a remedy", async () => {
  const { sql } = world.database;
  const slab = await storeDueSlab();
  await sql.unsafe(`revoke select on public.contracts from ${role.name}`);
  const { code, error } = await cli("plan", String(slab.id), "--json");
  expect([code, error?.code, error?.message]).toEqual([
    4,
    "lacks-right",
    expect.stringContaining("contracts"),
  ]);
  expect(error?.remedy).toContain("slabmend grant");
  await applyGrant(world.database.url, role.name, 4);
  expect((await cli("plan", String(slab.id))).code).toBe(0);
});
