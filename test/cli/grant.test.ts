/** The role of `slabmend grant`: claim, repair and reap work under this role, and it may do nothing else. */
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkRules } from "../../dev/demo/check-rules.ts";
import { systemClock } from "../../lib/clock/clock.ts";
import { connect } from "../../lib/database/client/connect.ts";
import { VERSION_PRIVILEGES } from "../../lib/database/indexd/version/indexd-privileges.ts";
import { readFleetGauges } from "../../lib/database/reports/read-fleet-gauges.ts";
import { FLEET_PRIVILEGES } from "../../lib/database/schema/fleet-privileges.ts";
import { connectionLimit, ROLE_TIMEOUTS } from "../../lib/database/schema/grant-statements.ts";
import { readPrivilegeGaps } from "../../lib/database/schema/missing-privileges.ts";
import { claim } from "../../lib/jobs/claim/claim.ts";
import { DEFAULT_CLAIM_SETTINGS } from "../../lib/jobs/claim/claim-settings.ts";
import { reap } from "../../lib/jobs/reap/reap.ts";
import { DEFAULT_REAP_SETTINGS } from "../../lib/jobs/reap/reap-settings.ts";
import { openRepairEnvironment } from "../../lib/worker/open-repair-environment.ts";
import { recordingQueue } from "../jobs/claim/claim-fixture.ts";
import { askOf } from "../support/ask.ts";
import { createRepairWorld, type RepairWorld } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";
import { applyGrant, createFleetRole, type FleetRole } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

let world: RepairWorld;
let role: FleetRole;
let sql: Sql;
beforeAll(async () => {
  world = await createRepairWorld({ hosts: 10 });
  role = await createFleetRole(world.database);
  sql = connect(role.url, "test-grant");
});
afterAll(async () => {
  await sql?.end();
  await role?.drop();
  await world?.stop();
});

const letters = {
  waiting: [
    { messageId: "m1", body: "{}", receiveCount: 5, sentAtMs: 1_700_000_000_000, receiptHandle: "r1" },
  ],
  async receive() {
    return letters.waiting.splice(0);
  },
  async delete() {},
};

describe("claim, repair and reap under the role", () => {
  test("claim and repair work under the granted role", async () => {
    const slab = await world.storeSlab({ minShards: 3, totalShards: 6 });
    await world.loseSector(slab, 0);
    await blockHost(world.database.sql, slab.hosts[5]!.row.hostKey);
    const queue = recordingQueue();
    const settings = { ...DEFAULT_CLAIM_SETTINGS, indexdGraceMs: 0 };
    await claim(
      { ask: askOf(sql), queue, clock: systemClock },
      { ...settings, walk: { ...settings.walk, indexdGraceMs: 0 }, budget: { repairs: 1_000n } },
      4_000,
    );
    expect(queue.messages.map(({ slabId }) => slabId)).toEqual([slab.id]);

    const environment = openRepairEnvironment({
      variables: { ...world.variables, SLABMEND_DATABASE_URL: role.url },
    });
    try {
      expect(await environment.repair(queue.messages[0]!, { id: "test", remainingMs: 60_000 })).toMatchObject(
        {
          kind: "repaired",
          copied: 1,
          rebuilt: 1,
        },
      );
    } finally {
      await environment.close();
    }
    expect(await world.wrongSectors(slab)).toEqual([]);
    expect(await world.database.sql`select from slabmend.moved`).toHaveLength(0);
    expect(await checkRules(world.database.sql, { settled: true })).toEqual([]);
    await world.heal();
  });

  test("reap works completely under the granted role", async () => {
    const owner = world.database.sql;
    const [crashed, never] = [
      await world.storeSlab({ minShards: 1, totalShards: 2 }),
      await world.storeSlab({ minShards: 1, totalShards: 2 }),
    ];
    for (const slab of [crashed, never]) await world.lease(slab);
    await owner`
      update slabmend.leases set expires_at = clock_timestamp() - interval '1 second',
        began_at = case when slab_id = ${String(crashed.id)} then clock_timestamp() end,
        worker = case when slab_id = ${String(crashed.id)} then 'gone' end`;
    await owner`insert into slabmend.moved (slab_id, digest, moved_at) select id, digest, now() from slabs limit 1`;
    const report = await reap(
      {
        ask: askOf(sql),
        queue: recordingQueue(),
        deadLetters: letters,
        indexer: "default",
        clock: systemClock,
      },
      DEFAULT_REAP_SETTINGS,
      20_000,
    );
    expect(report).toMatchObject({ crashed: 1, freed: 1, eventsBumped: 1, deadLetters: 1 });
    expect((await readFleetGauges(sql)).liveLeases).toBe(0);
  });

  test("status works under the granted role", async () => {
    const environment = { SLABMEND_DATABASE_URL: role.url };
    for (const command of ["status"]) {
      expect([command, (await runCli([command, "--json"], { environment })).code]).toEqual([command, 0]);
    }
  });
});

describe("the granted role is refused statements beyond its privileges", () => {
  test.each([
    "delete from public.slabs",
    "delete from public.sectors",
    "delete from public.stats_deltas",
    "truncate public.sectors",
    "update public.slabs set encryption_key = ''",
    "update public.slabs set pinned_at = now()",
    "update public.sectors set sector_root = ''",
    "update public.sectors set id = 1",
    "update public.hosts set settings_egress_price = 0",
    "update public.contracts set good = false",
    "update public.stats set stat_value = 0",
    "update public.global_settings set db_version = 1",
    "update public.object_events set was_deleted = true",
    "insert into public.sectors default values",
    "insert into public.hosts_blocklist (public_key) values ('')",
    "insert into public.stats_deltas (id, stat_name, stat_delta) values (1, 'num_slabs', 1)",
    "select wallet_hash from public.global_settings",
    "select * from public.accounts",
    "select * from public.app_connect_keys",
    "select encrypted_data_key from public.objects",
    "select stat_value from public.stats",
    "alter table public.slabs add column x integer",
    "create table public.x (y integer)",
    "create table slabmend.x (y integer)",
    "create index on public.slabs (min_shards)",
    "drop schema slabmend cascade",
    "update slabmend.journal set hastings = 0",
    "update slabmend.database_migrations set version = 99",
    "select * from slabmend.installed_functions",
    "create role x",
    "create database x",
    "copy public.slabs to program 'cat'",
    "select pg_read_file('postgresql.conf')",
  ])("%s", async (statement) => {
    await expect(sql.unsafe(statement)).rejects.toMatchObject({ code: "42501" });
  });

  test("the role has exactly the listed privileges on indexd's columns, and the list names every table of slabmend", async () => {
    const owner = world.database.sql;
    const columns = await owner<{ name: string }[]>`
      select p.privilege || ' (' || a.attname || ') on public.' || c.relname as name
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      cross join unnest(array['select', 'insert', 'update']) as p (privilege)
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
        and has_column_privilege(${role.name}::name, c.oid, a.attnum, p.privilege)
      order by 1`;
    const listed = FLEET_PRIVILEGES.filter(({ table }) => table.startsWith("public.")).flatMap((entry) =>
      (["select", "insert", "update"] as const).flatMap((privilege) =>
        [...(entry[privilege] ?? [])].map((column) => `${privilege} (${column}) on ${entry.table}`),
      ),
    );
    const there = await owner<{ name: string }[]>`
      select attname as name from pg_attribute where attrelid = 'public.slabs'::regclass and not attisdropped`;
    const ofVersion = VERSION_PRIVILEGES.flatMap(({ table, select = [], update = [] }) => [
      ...select
        .filter((column) => there.some(({ name }) => name === column))
        .map((column) => `select (${column}) on ${table}`),
      ...update
        .filter((column) => there.some(({ name }) => name === column))
        .map((column) => `update (${column}) on ${table}`),
    ]);
    expect(columns.map(({ name }) => name)).toEqual([...listed, ...ofVersion].sort());
    const tables = await owner<{ name: string }[]>`
      select 'slabmend.' || relname as name from pg_class
      where relnamespace = 'slabmend'::regnamespace and relkind = 'r' and relname <> 'installed_functions'`;
    const ours = FLEET_PRIVILEGES.map(({ table }) => table).filter((table) => table.startsWith("slabmend."));
    expect(tables.map(({ name }) => name).sort()).toEqual(ours.sort());
  });
});

test("if the role lacks a privilege for the commit, a repair does not begin and contacts no host", async () => {
  const owner = world.database.sql;
  const slab = await world.storeSlab({ minShards: 1, totalShards: 3 });
  await world.loseSector(slab, 0);
  const task = await world.lease(slab);
  const asked = () => Promise.all(world.hosts.map(async ({ swarm }) => (await swarm.counters()).rpcs));
  const before = await asked();
  await owner.unsafe(`revoke update (unpinned_sectors) on public.hosts from ${role.name}`);
  const environment = openRepairEnvironment({
    variables: { ...world.variables, SLABMEND_DATABASE_URL: role.url },
  });
  try {
    const repair = () => environment.repair(task, { id: "test", remainingMs: 60_000 });
    const refusal = await repair().catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: "lacks-right",
      message: expect.stringContaining("missing update (unpinned_sectors) on public.hosts"),
      remedy: expect.stringContaining("slabmend grant"),
    });
    expect(await asked()).toEqual(before);
    expect(await owner`select began_at from slabmend.leases where token = ${task.token}`).toEqual([
      { began_at: null },
    ]);
    // The same environment works as soon as the privilege is granted.
    await applyGrant(world.database.url, role.name, 4);
    expect(await repair()).toMatchObject({ kind: "repaired" });
  } finally {
    await environment.close();
  }
});

test("grant sets the role's connection limit and timeouts", async () => {
  const [row] = await world.database.sql`
    select rolconnlimit, rolsuper, rolinherit, rolcreaterole from pg_roles where rolname = ${role.name}`;
  expect(row).toEqual({
    rolconnlimit: connectionLimit(4),
    rolsuper: false,
    rolinherit: false,
    rolcreaterole: false,
  });
  const crowd = postgres(role.url, { max: connectionLimit(4) + 5, onnotice: () => {} });
  const refused = await Promise.allSettled(
    Array.from({ length: connectionLimit(4) + 5 }, () => crowd`select pg_sleep(0.2)`),
  );
  expect(refused.filter((one) => one.status === "rejected").map((one) => one.reason.code)).toContain("53300");
  await crowd.end();
  for (const [name, value] of Object.entries(ROLE_TIMEOUTS)) {
    const [setting] = await sql`select current_setting(${name}) as value`;
    expect([name, setting]).toEqual([name, { value }]);
  }
});

test("applying grant again revokes privileges that were added and restores those that were revoked", async () => {
  const owner = world.database.sql;
  await owner.unsafe(
    `grant delete on public.slabs to ${role.name}; revoke update on public.sectors from ${role.name}`,
  );
  expect((await readPrivilegeGaps(sql)).missing).toContain("update (host_id) on public.sectors");
  expect((await readPrivilegeGaps(sql)).excessive).toEqual(["delete on indexd's tables"]);
  await applyGrant(world.database.url, role.name, 4);
  expect(await readPrivilegeGaps(sql)).toMatchObject({ missing: [], excessive: [] });
});

test("the SQL of grant warns with numbers if it leaves indexd too few connections", async () => {
  const [{ most } = { most: 0 }] = await world.database.sql<{ most: number }[]>`
    select current_setting('max_connections')::integer as most`;
  const warningsOf = async (environment: Record<string, string>): Promise<string[]> => {
    const { out } = await runCli(["grant", "--role", role.name], { environment });
    const heard: string[] = [];
    const owner = postgres(world.database.url, {
      max: 1,
      onnotice: (notice) => {
        if (notice["severity"] === "WARNING") heard.push(`${notice["message"]} ${notice["hint"]}`);
      },
    });
    await owner.unsafe(out).finally(() => owner.end());
    return heard;
  };
  expect(await warningsOf({ SLABMEND_REPAIR_CONCURRENCY: "4" })).toEqual([]);
  // A server with PostgreSQL's default settings has enough connections for the default concurrency.
  expect(most).toBeGreaterThanOrEqual(100);
  expect(await warningsOf({})).toEqual([]);
  const [said, ...others] = await warningsOf({ SLABMEND_REPAIR_CONCURRENCY: String(most - 20) });
  expect(others).toEqual([]);
  expect(said).toMatch(
    new RegExp(`max_connections is ${most}, .* may take ${most - 15}: .* indexd needs 20`),
  );
  expect(said).toMatch(/Raise max_connections to at least \d+/);
  await applyGrant(world.database.url, role.name, 4);
});

test.each(["Robert'); drop table slabs; --", "public", "pg_monitor", "", "ROOT"])(
  "a role named %s is refused",
  async (name) => {
    const { code, out, error } = await runCli(["grant", "--json", "--role", name]);
    expect([code, out, error?.code]).toEqual([3, "", "bad-argument"]);
  },
);
