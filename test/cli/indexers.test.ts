/** `slabmend indexers` on three databases: one works, one is deleted, one has no server. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IndexerReport } from "../../lib/reports/indexers-schema.ts";
import { useDatabase } from "../support/database.ts";
import { LOST, placeOn, seedNetwork, seedSlab } from "../support/seed-indexd.ts";
import { createFleetRole, type FleetRole } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

const main = useDatabase();
const old = useDatabase();
const folder = mkdtempSync(join(tmpdir(), "slabmend-indexers-"));
const environment = { SLABMEND_INDEXERS: folder };
/** A folder in which main and old have the URLs of their databases' owners. */
const owners = join(folder, "owners");
let role: FleetRole;
const indexers = (...args: string[]) => runCli(["indexers", ...args], { environment });
const json = async (...args: string[]) => await indexers(...args, "--json");
const reports = async (): Promise<readonly IndexerReport[]> =>
  ((await json("list")).json as { indexers: IndexerReport[] }).indexers;

beforeAll(async () => {
  role = await createFleetRole(old);
  writeFileSync(join(folder, "main.env"), `SLABMEND_DATABASE_URL=${main.url}\n`);
  writeFileSync(join(folder, "old.env"), `SLABMEND_DATABASE_URL=${role.url}\n`);
  mkdirSync(owners);
  writeFileSync(join(owners, "main.env"), `SLABMEND_DATABASE_URL=${main.url}\n`);
  writeFileSync(join(owners, "old.env"), `SLABMEND_DATABASE_URL=${old.url}\n`);
  writeFileSync(join(folder, "away.env"), "SLABMEND_DATABASE_URL=postgres://slabmend@127.0.0.1:1/none\n");
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await role.drop();
});

test("indexers list shows each indexer, even one whose database does not answer", async () => {
  expect(await reports()).toMatchObject([
    { name: "away", state: "unknown", trouble: { code: "database-unreachable" } },
    { name: "main", state: "initializing", mode: { kind: "running" }, holder: null },
    { name: "old", state: "initializing" },
  ]);
  const { out } = await indexers("list");
  expect(out).toMatch(/^away +unknown +cannot be reached; .*\nmain +initializing +is being checked/);
  expect((await json("show", "other")).error).toMatchObject({ code: "no-such-indexer" });
  expect((await json("show")).error).toMatchObject({ code: "no-such-indexer" });
});

test("suspend turns a pause into a suspension with owner and reason, and resume ends it", async () => {
  await runCli(["pause", "--indexer", "main"], { environment });
  const suspended = await json("suspend", "main", "--reason", "new disks");
  expect(suspended.json).toMatchObject({ changed: true, mode: { kind: "suspended", reason: "new disks" } });
  expect((await json("suspend", "main")).json).toMatchObject({
    changed: false,
    mode: { reason: "new disks" },
  });
  const [, report] = await reports();
  expect(report!.says).toMatch(/^main is being checked before it begins; suspended by .*: new disks$/);
  expect((await json("resume", "main")).json).toMatchObject({ changed: true, mode: { kind: "running" } });
  expect((await indexers("resume", "main")).out).toBe("main was not suspended\n");
});

test("--indexer selects the indexer for every command", async () => {
  const { json: status } = await runCli(["status", "--indexer", "main", "--json"], { environment });
  expect(status).toMatchObject({ mode: { kind: "running" } });
  const { error } = await runCli(["status", "--indexer", "other", "--json"], { environment });
  expect(error).toMatchObject({ code: "no-such-indexer" });
});

test("indexers delete needs --confirm NAME and the owner's privileges; only indexd's tables and a tombstone stay", async () => {
  const hosts = await seedNetwork(old.sql, { hosts: 6 });
  const slab = await seedSlab(old.sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
  const held = new Date(Date.now() + 3_600_000);
  await old.sql`update slabs set next_repair_attempt = ${held}`;
  await old.sql`
    insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, expires_at, through_queue, margin)
    select id, digest, now(), next_repair_attempt, now(), next_repair_attempt, false, 2 from slabs`;
  expect((await json("delete", "old", "--confirm", "old")).error).toMatchObject({ code: "lacks-right" });
  const asOwner = (...args: string[]) =>
    runCli(["indexers", "delete", "old", ...args, "--json"], { environment: { SLABMEND_INDEXERS: owners } });
  expect((await asOwner()).error).toMatchObject({ code: "not-confirmed" });
  expect((await asOwner("--confirm", "main")).error).toMatchObject({ code: "not-confirmed" });
  expect(await old.sql`select mode from slabmend.fleet`).toEqual([{ mode: "running" }]);

  const deleted = await asOwner("--confirm", "old", "--reason", "moved to main");
  expect(deleted.json).toMatchObject({ deleted: true, indexer: "old", slabsFreed: 1, roles: [role.name] });
  const left =
    await old.sql`select relname from pg_class where relnamespace = 'slabmend'::regnamespace and relkind = 'r'`;
  expect(left).toEqual([{ relname: "tombstone" }]);
  const [freed] = await old.sql<
    { at: Date }[]
  >`select next_repair_attempt as at from slabs where id = ${String(slab.id)}`;
  expect(freed!.at.getTime()).toBeLessThan(held.getTime());
  const [rights] =
    await old.sql`select has_any_column_privilege(${role.name}, 'public.slabs', 'update') as may`;
  expect(rights).toEqual({ may: false });
  // The workers' role can still read the tombstone.
  const [, , report] = await reports();
  expect(report).toMatchObject({ name: "old", state: "deleted", mode: { reason: "moved to main" } });
  expect((await asOwner("--confirm", "old")).json).toMatchObject({ deleted: true, slabsFreed: null });
});

test("indexers delete refuses the database of another indexer, from a copied file or from --database-url", async () => {
  const copies = mkdtempSync(join(tmpdir(), "slabmend-copied-"));
  try {
    for (const name of ["copy", "main"])
      writeFileSync(join(copies, `${name}.env`), `SLABMEND_DATABASE_URL=${main.url}\n`);
    writeFileSync(join(copies, "other.env"), `SLABMEND_DATABASE_URL=${old.url}\n`);
    const remove = (name: string, ...args: string[]) =>
      runCli(["indexers", "delete", name, "--confirm", name, "--json", ...args], {
        environment: { SLABMEND_INDEXERS: copies },
      });
    expect((await remove("copy")).error?.message).toContain("got the database of main");
    const { error } = await remove("other", "--database-url", main.url);
    expect(error?.message).toContain("its own database");
    expect(await main.sql`select mode from slabmend.fleet`).toEqual([{ mode: "running" }]);
  } finally {
    rmSync(copies, { recursive: true, force: true });
  }
});

test("a deleted indexer is created again only with --again, and its tombstone can be removed", async () => {
  const run = (...args: string[]) =>
    runCli([...args, "--json"], { environment: { SLABMEND_DATABASE_URL: old.url } });
  expect((await run("init", "--yes")).error).toMatchObject({ code: "indexer-deleted" });
  expect((await run("work")).error).toBeDefined();
  expect((await run("init", "--yes", "--again")).json).toMatchObject({ done: true, from: 0 });
  expect(await old.sql`select state from slabmend.lifecycle`).toEqual([{ state: "initializing" }]);
  expect((await run("indexers", "delete", "default", "--confirm", "default")).json).toMatchObject({
    deleted: true,
  });
  expect((await run("uninstall", "--yes")).json).toMatchObject({ done: true });
  expect(await old.sql`select from pg_namespace where nspname = 'slabmend'`).toEqual([]);
  expect((await run("uninstall", "--yes")).error).toMatchObject({ code: "nothing-to-remove" });
});
