/** `slabmend restore` as an operator types it, with the privileges of the database's owner. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { beginRestore, keepPrunesHeld } from "../../lib/database/restore/restore-writes.ts";
import { createRepairWorld, type RepairWorld } from "../support/repair-world.ts";
import { applyGrant } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

let world: RepairWorld;
let role: string;
let folder: string;
let environment: Record<string, string>;

beforeEach(async () => {
  world = await createRepairWorld({ hosts: 2 });
  role = `fleet_${randomBytes(6).toString("hex")}`;
  await applyGrant(world.database.url, role, 4);
  folder = await mkdtemp(join(tmpdir(), "slabmend-restore-"));
  await world.database.sql`update global_settings set wallet_hash = ${Buffer.alloc(32, 0xab)}`;
  environment = { ...world.variables };
});
afterEach(async () => {
  // The test has ended the world's client.
  await asOwner((sql) => sql.unsafe(`drop owned by ${role}; drop role ${role}`));
  await world?.stop();
  await rm(folder, { recursive: true, force: true });
});

const restore = (...args: string[]) => runCli(["--json", "restore", ...args], { environment });

test("restore refuses to begin while a client is connected or a role that may write slabs can log in", async () => {
  const connected = await restore("start", "--dry-run");
  expect([connected.code, connected.error?.code]).toEqual([5, "still-connected"]);
  await world.database.sql.end();
  const allowed = await restore("start", "--dry-run");
  expect([allowed.code, allowed.error?.code]).toEqual([5, "login-allowed"]);
  expect(allowed.error?.message).toContain(role);
});

test("restore refuses a missing archive, and needs one for --source archive", async () => {
  await refuseLogin();
  const none = await restore("start", "--source", "archive");
  expect([none.code, none.error?.code]).toEqual([3, "variable-missing"]);
  environment["SLABMEND_ARCHIVE"] = folder;
  const missing = await restore("start");
  expect(missing.error?.code).toBe("archive-missing");
});

test("restore begins and ends, holds prunes until their release, and grants the fleet that privilege only meanwhile", async () => {
  await refuseLogin();
  const dry = await restore("start", "--dry-run");
  expect([dry.code, dry.err]).toEqual([0, ""]);
  expect(dry.json).toMatchObject({ run: null, estimate: { values: { contracts: 2, archiveRows: 0 } } });
  // This test's hosts know no contracts, which the report says.
  const done = await restore("start", "--source", "hosts");
  expect([done.code, done.err]).toEqual([6, ""]);
  expect(done.json).toMatchObject({
    run: { kind: "restore", state: "done", statistics: { contractsUnknown: { "contract-not-found": 2 } } },
  });
  expect((await runCli(["--json", "status"], { environment })).json).toMatchObject({
    mode: { kind: "paused" },
    prunesHeldSince: expect.any(String),
  });
  expect(await mayHoldPrunes()).toBe(true);
  expect(await keptByFleet()).toEqual({ early: 0, later: 2, due: 0 });
  expect((await restore("release-prunes")).json).toMatchObject({ released: true });
  expect((await restore("release-prunes")).json).toMatchObject({ released: false });
  expect(await mayHoldPrunes()).toBe(false);
  const none = await restore("continue");
  expect([none.code, none.error?.code]).toEqual([5, "no-run"]);
});

test("maintenance commands refuse an interrupted restore; abort ends it, and the fleet may resume", async () => {
  const scope = { archive: null, contracts: 2 };
  await asOwner((sql) => beginRestore(sql, { scope, owner: "test", archivedIncarnation: 0 }));
  const cancel = await runCli(["--json", "maintenance", "cancel"], { environment });
  expect([cancel.code, cancel.error?.code]).toEqual([5, "run-attended"]);
  const aborted = await restore("abort");
  expect([aborted.code, aborted.err]).toEqual([6, ""]);
  expect(aborted.json).toMatchObject({ run: { state: "cancelled" } });
  expect((await runCli(["--json", "status"], { environment })).json).toMatchObject({
    mode: { kind: "paused" },
  });
});

/** What an operator does before a restore. */
async function refuseLogin(): Promise<void> {
  await world.database.sql.unsafe(`alter role ${role} nologin`);
  await world.database.sql.end();
}

async function asOwner<Result>(run: (sql: postgres.Sql) => PromiseLike<Result>): Promise<Result> {
  const sql = postgres(world.database.url, { max: 1 });
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}

/** reap's part of the hold, with the fleet's privileges: nothing within 6 h, then the contracts that have become due. */
function keptByFleet(): Promise<object> {
  return asOwner(async (sql) => {
    await sql`update contracts set next_prune = now()`;
    const asFleet = async () => {
      await sql.unsafe(`set role ${role}`);
      const held = await keepPrunesHeld(sql, {});
      await sql`reset role`;
      return held;
    };
    const early = await asFleet();
    await sql`update slabmend.prune_hold set applied_at = now() - interval '7 hours'`;
    const later = await asFleet();
    const due = await sql`select from contracts where next_prune < now() + interval '23 hours'`;
    return { early, later, due: due.length };
  });
}

async function mayHoldPrunes(): Promise<boolean> {
  const [row] = await asOwner(
    (sql) => sql<{ may: boolean }[]>`
      select has_column_privilege(${role}, 'public.contracts', 'next_prune', 'update') as may`,
  );
  return row!.may;
}
