/** `slabmend restore` as an operator types it, with the privileges of the database's owner. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ArchiveStorage } from "../../lib/archive/archive-storage.ts";
import { createDirectoryStorage } from "../../lib/archive/directory-storage.ts";
import type { JournalPlace } from "../../lib/archive/read-archive.ts";
import { raiseIncarnation } from "../../lib/database/journal/incarnation.ts";
import { readRestoreState } from "../../lib/database/restore/restore-reads.ts";
import { beginRestore, keepPrunesHeld } from "../../lib/database/restore/restore-writes.ts";
import { archiveFollower } from "../../lib/jobs/journal/follow-archive.ts";
import { journalRow, writeArchive } from "../jobs/restore/journal-row.ts";
import { createRepairWorld, type RepairWorld } from "../support/repair-world.ts";
import { until } from "../support/until.ts";
import { applyGrant } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

const SCOPE = { archive: null, scan: null, contracts: 2 };
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
  // The test has ended the world's client, so another client drops the role.
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
  await archiveTwoRows("ef".repeat(32));
  await refuseLogin();
  const strange = await restore("start", "--dry-run");
  expect(strange.error?.code).toBe("archive-of-another-indexer");
  await rm(folder, { recursive: true });
  await mkdir(folder);
  const storage = await archiveTwoRows();
  expect((await restore("start", "--dry-run")).json).toMatchObject({
    estimate: { values: { archiveRows: 2 } },
  });
  await asOwner((sql) => archived(sql, storage, { incarnation: 1, position: 3 }));
  const behind = await restore("start", "--dry-run");
  expect([behind.code, behind.error?.code]).toEqual([5, "archive-behind"]);
});

test("after restore abort, a new restore may start from the same archive", async () => {
  const storage = await archiveTwoRows();
  await asOwner((sql) => archived(sql, storage, { incarnation: 1, position: 1 }));
  await begin(1);
  await refuseLogin();
  expect((await restore("abort")).json).toMatchObject({ run: { state: "cancelled" } });
  expect((await restore("start", "--dry-run")).json).toMatchObject({
    estimate: { values: { archiveRows: 1 } },
  });
});

test.for([
  {
    name: "an archive is not behind a database that was moved and has repaired nothing since",
    archivedIn: 1,
    code: undefined,
  },
  {
    name: "an older copy of the archive is behind a backup of a restored database",
    archivedIn: 2,
    code: "archive-behind",
  },
])("$name", async ({ archivedIn, code }) => {
  const storage = await archiveTwoRows();
  if (archivedIn === 2) await begin(1);
  await asOwner((sql) => archived(sql, storage, { incarnation: archivedIn, position: 2 }));
  if (archivedIn === 2) await begin(1);
  else await asOwner((sql) => raiseIncarnation(sql, 1));
  await refuseLogin();
  expect((await restore("start", "--dry-run")).error?.code).toBe(code);
});

test("after restore abort, a new restore reads the same archive rows, even if reap archived more rows meanwhile", async () => {
  const storage = await archiveTwoRows();
  await asOwner((sql) => archived(sql, storage, { incarnation: 1, position: 1 }));
  await begin(1);
  await asOwner((sql) => sql`update slabmend.followers set position = 2 where segment is not null`);
  await refuseLogin();
  expect((await restore("abort")).json).toMatchObject({ run: { state: "cancelled" } });
  expect((await restore("start", "--dry-run")).json).toMatchObject({
    estimate: { values: { archiveRows: 1 } },
  });
});

test("restore abort refuses while another process coordinates the restore, and never continues the restore", async () => {
  await begin(0);
  await asOwner(
    (sql) =>
      sql`update slabmend.runs set coordinator = 'other', token = gen_random_uuid(), expires_at = now() + interval '4 seconds'`,
  );
  const early = await restore("abort");
  expect([early.code, early.error?.code]).toEqual([5, "run-lease-lost"]);
  const [run] = await asOwner((sql) => sql`select state, finished_at from slabmend.runs`);
  expect(run).toEqual({ state: "running", finished_at: null });
  await asOwner((sql) => sql`update slabmend.runs set expires_at = now()`);
  expect((await restore("abort")).json).toMatchObject({ run: { state: "cancelled" } });
});

test("restore start refuses while another process begins or coordinates a restore", async () => {
  await refuseLogin();
  const waiting = () =>
    asOwner(
      (sql) => sql`
      select from pg_stat_activity where wait_event = 'transactionid' and datname = current_database()`,
    );
  let second: Promise<bigint> | undefined;
  await asOwner((first) =>
    first.begin(async (transaction) => {
      await transaction`
        insert into slabmend.runs (kind, scope, owner, coordinator, token, expires_at)
        values ('restore', '{}', 'other', 'other', gen_random_uuid(), clock_timestamp() + interval '1 minute')`;
      second = begin(0);
      second.catch(() => {});
      await until(waiting, (sessions) => sessions.length > 0);
    }),
  );
  await expect(second).rejects.toMatchObject({ code: "run-active" });
  const start = await restore("start", "--source", "scan", "--probes", "0");
  expect([start.code, start.error?.code]).toEqual([5, "run-active"]);
  expect(await asOwner((sql) => sql`select state from slabmend.runs`)).toEqual([{ state: "running" }]);
});

test("prunes of rejected contracts are held too, because indexd makes these contracts active again as it syncs", async () => {
  await begin(0);
  const { held, due } = await asOwner(async (sql) => {
    await sql`update contracts set state = 4, next_prune = now()`;
    await sql`update slabmend.prune_hold set applied_at = now() - interval '7 hours'`;
    const kept = await keepPrunesHeld(sql, {});
    const left = await sql`select from contracts where next_prune < now() + interval '23 hours'`;
    return { held: kept, due: left.length };
  });
  expect([held, due]).toEqual([2, 0]);
});

test("restore lists the command's own role among the roles that can log in, because indexd may use the same role", async () => {
  const { logins } = await asOwner(async (sql) => {
    await sql.unsafe(`grant select on all tables in schema public to ${role}`);
    await sql.unsafe(`set role ${role}`);
    return await readRestoreState(sql, "");
  });
  expect(logins).toContainEqual({ role, isSuperuser: false });
});

test("restore continue refuses while a role can log in; otherwise it completes the run and keeps prunes held", async () => {
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

test("after a restore prunes stay held until release-prunes, and the fleet may keep them held until then", async () => {
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

test("a restore by scan begins the journal incarnation after the last one in the configured archive", async () => {
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
    await beginRestore(sql, { scope: SCOPE, owner: "test", archivedIncarnation: 0 });
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

/** Stores, as a part of the backup, the place up to which the journal was archived. */
function archived(sql: postgres.Sql, storage: ArchiveStorage, { incarnation, position }: JournalPlace) {
  return sql`
    insert into slabmend.followers (name, position, segment, incarnation, updated_at)
    values (${archiveFollower(storage)}, ${position}, ${"00".repeat(32)}, ${incarnation}, now())`;
}

function begin(archivedIncarnation: number): Promise<bigint> {
  return asOwner((sql) => beginRestore(sql, { scope: SCOPE, owner: "test", archivedIncarnation }));
}

/** An archive of this indexer, with the rows 1/1 and 1/2 (incarnation/position). */
async function archiveTwoRows(wallet = "ab".repeat(32)): Promise<ArchiveStorage> {
  const storage = createDirectoryStorage(folder);
  environment["SLABMEND_ARCHIVE"] = folder;
  const rows = [1, 2].map((position) => journalRow({ id: 1n, digest: "cd".repeat(32) }, position, []));
  await writeArchive(storage, rows, wallet);
  return storage;
}

/** Forbids the fleet's role to log in, as an operator does before a restore. */
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
 * Postpones the contracts' prunes twice, as reap does, with the fleet's privileges: less than 6 h after the last time,
 * and then 7 h after it. Returns how many contracts the first call postponed (`early`), how many the second call
 * postponed (`later`), and how many contracts are due for a prune within 23 h afterwards (`due`).
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
