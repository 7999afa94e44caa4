/** `slabmend restore` as an operator types it, with the privileges of the database's owner. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDirectoryStorage } from "../../lib/archive/directory-storage.ts";
import { beginRestore, keepPrunesHeld } from "../../lib/database/restore/restore-writes.ts";
import { archiveFollower } from "../../lib/jobs/journal/follow-archive.ts";
import { journalRow, writeArchive } from "../jobs/restore/journal-row.ts";
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
  // The test has ended the world's client, so this needs another one.
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

test("restore refuses a missing archive, and with --source archive it needs SLABMEND_ARCHIVE", async () => {
  await refuseLogin();
  const none = await restore("start", "--source", "archive");
  expect([none.code, none.error?.code]).toEqual([3, "variable-missing"]);
  environment["SLABMEND_ARCHIVE"] = folder;
  const missing = await restore("start");
  expect(missing.error?.code).toBe("archive-missing");
});

test("restore refuses an archive of another indexer, and one that ends before the backup", async () => {
  const storage = createDirectoryStorage(folder);
  environment["SLABMEND_ARCHIVE"] = folder;
  const rows = [1, 2].map((position) => journalRow({ id: 1n, digest: "cd".repeat(32) }, position, []));
  await writeArchive(storage, rows, "ef".repeat(32));
  await refuseLogin();
  const strange = await restore("start", "--dry-run");
  expect(strange.error?.code).toBe("archive-of-another-indexer");
  await rm(folder, { recursive: true });
  await mkdir(folder);
  await writeArchive(storage, rows, "ab".repeat(32));
  expect((await restore("start", "--dry-run")).json).toMatchObject({
    estimate: { values: { archiveRows: 2 } },
  });
  await asOwner(
    (sql) =>
      sql`insert into slabmend.followers (name, position, updated_at) values (${archiveFollower(storage)}, 3, now())`,
  );
  const behind = await restore("start", "--dry-run");
  expect([behind.code, behind.error?.code]).toEqual([5, "archive-behind"]);
});

test("a restore may be started again after it was aborted, from the same archive", async () => {
  const storage = createDirectoryStorage(folder);
  environment["SLABMEND_ARCHIVE"] = folder;
  const rows = [1, 2].map((position) => journalRow({ id: 1n, digest: "cd".repeat(32) }, position, []));
  await writeArchive(storage, rows, "ab".repeat(32));
  await asOwner(
    (sql) =>
      sql`insert into slabmend.followers (name, position, updated_at) values (${archiveFollower(storage)}, 1, now())`,
  );
  await begin(rows[0]!.incarnation);
  await refuseLogin();
  expect((await restore("abort")).json).toMatchObject({ run: { state: "cancelled" } });
  expect((await restore("start", "--dry-run")).json).toMatchObject({
    estimate: { values: { archiveRows: 1 } },
  });
});

test("a restore is continued only while every login is refused, and its coordinator keeps prunes held", async () => {
  await begin(0);
  const early = await restore("release-prunes");
  expect([early.code, early.error?.code]).toEqual([5, "run-active"]);
  const watched = await runCli(["--json", "maintenance", "watch", "--coordinate"], { environment });
  expect([watched.code, watched.error?.code]).toEqual([5, "run-attended"]);
  await world.database.sql.end();
  const allowed = await restore("continue");
  expect([allowed.code, allowed.error?.code]).toEqual([5, "login-allowed"]);
  await asOwner(async (sql) => {
    await sql.unsafe(`alter role ${role} nologin`);
    await sql`update contracts set next_prune = now()`;
    await sql`update slabmend.prune_hold set applied_at = now() - interval '7 hours'`;
  });
  expect((await restore("continue")).json).toMatchObject({ run: { state: "done" } });
  const due = await asOwner(
    (sql) => sql`select from contracts where next_prune < now() + interval '23 hours'`,
  );
  expect(due).toHaveLength(0);
});

test("a restore runs to its end and holds prunes until release-prunes; until then the fleet may hold them too", async () => {
  await refuseLogin();
  const dry = await restore("start", "--dry-run");
  expect([dry.code, dry.err]).toEqual([0, ""]);
  expect(dry.json).toMatchObject({ run: null, estimate: { values: { contracts: 2, archiveRows: 0 } } });
  // The hosts of this test know no contracts. The report says so, and the exit code is 6.
  const done = await restore("start", "--source", "scan", "--probes", "0");
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

test("a dry run of a scan prints its number of probes, and --probes is refused for an archive", async () => {
  await refuseLogin();
  const scan = await restore("start", "--dry-run", "--source", "scan");
  expect(scan.json).toMatchObject({
    estimate: { values: { sectors: 0, hosts: 2, probes: 0, hastings: "0" } },
  });
  const limited = await restore("start", "--dry-run", "--probes", "7");
  expect(limited.json).toMatchObject({ estimate: { values: { probes: 7 } } });
  const archive = await restore("start", "--source", "archive", "--probes", "7");
  expect([archive.code, archive.error?.code]).toEqual([3, "bad-argument"]);
});

test("a scan with a configured archive begins a later incarnation than the archive's", async () => {
  environment["SLABMEND_ARCHIVE"] = folder;
  const row = { ...journalRow({ id: 1n, digest: "cd".repeat(32) }, 1, []), incarnation: 7 };
  await writeArchive(createDirectoryStorage(folder), [row], "ab".repeat(32));
  await refuseLogin();
  const done = await restore("start", "--source", "scan", "--probes", "0");
  expect(done.json).toMatchObject({ run: { state: "done", statistics: { source: "scan" } } });
  const [head] = await asOwner((sql) => sql`select incarnation from slabmend.journal_head`);
  expect(head).toEqual({ incarnation: 8 });
});

test("restore refuses an unknown version of indexd's database, even if its tables are those of a known version", async () => {
  await refuseLogin();
  await asOwner((sql) => sql`update global_settings set db_version = db_version + 1000`);
  const begun = await restore("start", "--dry-run");
  expect([begun.code, begun.error?.code]).toEqual([4, "indexd-not-known"]);
  await asOwner(async (sql) => {
    await sql`update global_settings set db_version = db_version - 1000`;
    const scope = { archive: null, scan: null, contracts: 2 };
    await beginRestore(sql, { scope, owner: "test", archivedIncarnation: 0 });
    await sql`update global_settings set db_version = db_version + 1000`;
  });
  const continued = await restore("continue");
  expect([continued.code, continued.error?.code]).toEqual([4, "indexd-not-known"]);
});

test("maintenance cancel refuses an interrupted restore; restore abort ends it and leaves the fleet paused", async () => {
  await begin(0);
  const cancel = await runCli(["--json", "maintenance", "cancel"], { environment });
  expect([cancel.code, cancel.error?.code]).toEqual([5, "run-attended"]);
  const aborted = await restore("abort");
  expect([aborted.code, aborted.err]).toEqual([6, ""]);
  expect(aborted.json).toMatchObject({ run: { state: "cancelled" } });
  expect((await runCli(["--json", "status"], { environment })).json).toMatchObject({
    mode: { kind: "paused" },
  });
});

function begin(archivedIncarnation: number): Promise<bigint> {
  const scope = { archive: null, scan: null, contracts: 2 };
  return asOwner((sql) => beginRestore(sql, { scope, owner: "test", archivedIncarnation }));
}

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

/**
 * Holds prunes as reap does, with the fleet's privileges. Returns how many contracts were held within 6 h of the last
 * hold (`early`) and after 7 h (`later`), and how many are due afterwards.
 */
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
