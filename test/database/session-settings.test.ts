/**
 * Settings of a database or role that would break our assumptions are detected before anything is leased, transferred
 * or paid.
 */
import { expect, test } from "vitest";
import { connect } from "../../lib/database/client/connect.ts";
import { readSessionSettings, wrongSettings } from "../../lib/database/client/session-settings.ts";
import { assertFleetMayWork } from "../../lib/database/schema/assert-fleet-may-work.ts";
import { createFleetRole } from "../cli/fleet-role.ts";
import { runCli } from "../cli/run-cli.ts";
import { repairSuite } from "../support/repair-suite.ts";

const suite = repairSuite({ hosts: 6 });

const WRONG = [
  ["default_transaction_isolation", "'serializable'", "isolation"],
  ["default_transaction_isolation", "'repeatable read'", "isolation"],
  ["bytea_output", "'escape'", "bytea_output"],
  ["session_replication_role", "'replica'", "session_replication_role"],
  ["search_path", "pg_catalog", "search_path"],
] as const;

/** Calls `run` while a setting of the database is changed; the change applies to new sessions. */
async function withSetting(name: string, value: string, run: () => Promise<void>): Promise<void> {
  const { database } = suite.world;
  const databaseName = new URL(database.url).pathname.slice(1);
  await database.sql.unsafe(`alter database ${databaseName} set ${name} = ${value}`);
  try {
    await run();
  } finally {
    await database.sql.unsafe(`alter database ${databaseName} reset ${name}`);
  }
}

test.each(WRONG)(
  "with %s = %s a repair ends before any transfer, and its message is redelivered",
  async (name, value, says) => {
    const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 4 });
    await suite.world.loseSector(slab, 0);
    const task = await suite.world.lease(slab);
    const before = await suite.traffic();
    suite.allowLeases();
    await withSetting(name, value, async () => {
      await expect(suite.repairTask(task)).rejects.toMatchObject({
        code: "wrong-session-settings",
        message: expect.stringContaining(says),
        remedy: expect.stringContaining("slabmend grant"),
      });
      const { json } = await runCli(["doctor", "--hosts", "0", "--json"], {
        environment: { SLABMEND_DATABASE_URL: suite.world.database.url },
      });
      expect(json).toMatchObject({
        checks: expect.arrayContaining([
          expect.objectContaining({
            code: "settings",
            level: "failure",
            says: expect.stringContaining(says),
          }),
        ]),
      });
    });
    expect(await suite.traffic()).toEqual(before);
    // The slab is unchanged, and is repaired once the setting is corrected.
    expect(await suite.repairTask(task)).toMatchObject({ kind: "repaired" });
  },
);

test("begin detects a new session with wrong settings even if the first session passed the check", async () => {
  const slabs = [];
  for (let made = 0; made < 2; made += 1) {
    const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 4 });
    await suite.world.loseSector(slab, 0);
    slabs.push(slab);
  }
  const [first, second] = [await suite.world.lease(slabs[0]!), await suite.world.lease(slabs[1]!)];
  suite.allowLeases();
  const { environment } = suite.open();
  const repair = (task: typeof first) => environment.repair(task, { id: "test", remainingMs: 60_000 });
  expect(await repair(first)).toMatchObject({ kind: "repaired" });
  const before = await suite.traffic();
  await withSetting("default_transaction_isolation", "'serializable'", async () => {
    await expect(repair(second)).rejects.toMatchObject({ code: "wrong-session-settings" });
  });
  expect(await suite.traffic()).toEqual(before);
});

test("a role prepared by grant works in a database with wrong settings", async () => {
  const role = await createFleetRole(suite.world.database, 10);
  const databaseName = new URL(suite.world.database.url).pathname.slice(1);
  const { sql } = suite.world.database;
  for (const [name, value] of WRONG) {
    if (name !== "session_replication_role")
      await sql.unsafe(`alter database ${databaseName} set ${name} = ${value}`);
  }
  const client = connect(role.url, "test");
  try {
    await assertFleetMayWork(client);
    expect(wrongSettings(await readSessionSettings(client))).toEqual([]);
  } finally {
    await client.end();
    for (const [name] of WRONG) await sql.unsafe(`alter database ${databaseName} reset ${name}`);
    await role.drop();
  }
});

test("a read-only database is detected before any repair begins", async () => {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 4 });
  await suite.world.loseSector(slab, 0);
  const task = await suite.world.lease(slab);
  suite.allowLeases();
  const before = await suite.traffic();
  await withSetting("default_transaction_read_only", "on", async () => {
    await expect(suite.repairTask(task, { timesFaster: 5 })).rejects.toMatchObject({
      code: "read-only-server",
    });
    const { json } = await runCli(["doctor", "--hosts", "0", "--json"], {
      environment: { SLABMEND_DATABASE_URL: suite.world.database.url },
    });
    expect(json).toMatchObject({
      checks: expect.arrayContaining([expect.objectContaining({ code: "writes", level: "failure" })]),
    });
  }).catch(async (error) => {
    throw error;
  });
  expect(await suite.traffic()).toEqual(before);
});
