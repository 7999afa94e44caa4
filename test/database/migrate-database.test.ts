import { readdir, readFile } from "node:fs/promises";
import type { Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  assertStoreVersion,
  migrateDatabase,
  STORE_VERSION,
} from "../../lib/database/schema/migrate-database.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase({ max: 8 });
  sql = database.sql;
});
afterAll(() => database.drop());

const uninstall = () => sql`drop schema slabmend cascade`;

const catalogue = () => sql`
  select table_name, column_name, data_type, column_default, is_nullable from information_schema.columns
  where table_schema = 'slabmend' order by 1, ordinal_position`;

test("from nothing, and again", async () => {
  await uninstall();
  await expect(assertStoreVersion(sql)).rejects.toMatchObject({ code: "schema-missing" });
  expect(await migrateDatabase(sql)).toEqual({ from: 0, to: STORE_VERSION });
  const first = await catalogue();
  await assertStoreVersion(sql);
  expect(await migrateDatabase(sql)).toEqual({ from: STORE_VERSION, to: STORE_VERSION });
  expect(await catalogue()).toEqual(first);
});

test("several at once: one does it, the others find it done", async () => {
  await uninstall();
  const results = await Promise.all(Array.from({ length: 6 }, () => migrateDatabase(sql)));
  expect(results.filter((result) => result.from === 0)).toHaveLength(1);
  await assertStoreVersion(sql);
});

test("a failure half-way leaves nothing behind", async () => {
  await uninstall();
  // What indexd's own database migrations could do to us: a name that we need is taken.
  await sql`create schema slabmend`;
  await sql`create table slabmend.dead_letters (id integer)`;
  await expect(migrateDatabase(sql)).rejects.toThrow();
  const tables = await sql`select table_name from information_schema.tables where table_schema = 'slabmend'`;
  expect(tables.map((row) => row["table_name"])).toEqual(["dead_letters"]);
  await uninstall();
  await migrateDatabase(sql);
});

test("refuses a newer version and changes nothing", async () => {
  await sql`insert into slabmend.database_migrations (version, name) values (${STORE_VERSION + 1}, 'of the future')`;
  await sql`update slabmend.installed_functions set sha256 = 'of the future'`;
  await expect(migrateDatabase(sql)).rejects.toMatchObject({ code: "schema-too-new" });
  await expect(assertStoreVersion(sql)).rejects.toMatchObject({ code: "schema-too-new" });
  expect(await sql`select sha256 from slabmend.installed_functions`).toEqual([{ sha256: "of the future" }]);
  await sql`delete from slabmend.database_migrations where version > ${STORE_VERSION}`;
});

test("an older version has to be upgraded before a worker uses it", async () => {
  const newest =
    await sql`delete from slabmend.database_migrations where version = ${STORE_VERSION} returning *`;
  await expect(assertStoreVersion(sql)).rejects.toMatchObject({ code: "schema-too-old" });
  await sql`insert into slabmend.database_migrations ${sql(newest as never)}`;
});

test("functions are replaced when their text differs", async () => {
  await sql`drop function slabmend.commit_repair(jsonb)`;
  await sql`update slabmend.installed_functions set sha256 = 'of the past'`;
  await migrateDatabase(sql);
  const [row] = await sql`select to_regprocedure('slabmend.commit_repair(jsonb)') is not null as there`;
  expect(row).toEqual({ there: true });
});

test("nothing of ours depends on indexd's tables: indexd may alter them", async () => {
  const depending = await sql`
    select distinct d.classid::regclass::text as kind, d.objid
    from pg_depend d
    join pg_class c on c.oid = d.refobjid and d.refclassid = 'pg_class'::regclass
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
    left join pg_proc p on p.oid = d.objid and d.classid = 'pg_proc'::regclass
    left join pg_class mine on mine.oid = d.objid and d.classid = 'pg_class'::regclass
    where coalesce(p.pronamespace, mine.relnamespace) = 'slabmend'::regnamespace`;
  expect(depending).toEqual([]);
});

test("a function whose parameters changed leaves no second one behind", async () => {
  await sql`create function slabmend.extend_lease(the_token uuid, lease_ms bigint) returns boolean return false`;
  await sql`create function slabmend.extend_lease(the_token uuid, lease_ms bigint, spent jsonb) returns boolean return false`;
  await sql`update slabmend.installed_functions set sha256 = 'of the past'`;
  await migrateDatabase(sql);
  const twice = await sql`
    select proname from pg_proc where pronamespace = 'slabmend'::regnamespace group by proname having count(*) > 1`;
  expect(twice).toEqual([]);
});

/** As a release that knew no more than the first migrations left it. */
async function installOnly(migrations: number): Promise<void> {
  await migrateDatabase(sql);
  const bookkeeping = ["database_migrations", "installed_functions"];
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'slabmend'`;
  for (const { name } of tables) {
    if (!bookkeeping.includes(name)) await sql.unsafe(`drop table slabmend.${name} cascade`);
  }
  await sql`delete from slabmend.database_migrations`;
  await sql`drop function slabmend.look_again_when_leases_end()`;
  await sql`update slabmend.installed_functions set sha256 = 'of the past'`;
  const folder = new URL("../../lib/database/schema/database-migrations/", import.meta.url);
  for (const [n, name] of (await readdir(folder)).sort().slice(0, migrations).entries()) {
    await sql.unsafe(await readFile(new URL(name, folder), "utf8"));
    await sql`insert into slabmend.database_migrations (version, name) values (${n + 1}, ${name})`;
  }
}

test("ready_slabs begins with what the backlog offered; what was leased is looked at when its lease ends", async () => {
  await uninstall();
  await installOnly(9);
  await sql`
    insert into slabmend.backlog (slab_id, urgency, loss, margin, causes, since, bad_sectors, first_seen, last_seen, waiting_since,
      ready, look_at)
    select n, 0.1 * n, 0.1 * n, n, '{}', '{}', array[n * 10, n * 10 + 1], now(), now(), now(), n < 3, now() + interval '1 hour'
    from generate_series(1, 4) n`;
  await sql`
    insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, expires_at, margin)
    values (3, sha256('slab'), now(), now(), now(), now(), 0)`;
  expect(await migrateDatabase(sql)).toEqual({ from: 9, to: STORE_VERSION });
  expect(
    await sql`select slab_id::text, urgency, margin, first_bad_sector::text as first from slabmend.ready_slabs order by slab_id`,
  ).toEqual([
    { slab_id: "1", urgency: 0.1, margin: 1, first: "10" },
    { slab_id: "2", urgency: 0.2, margin: 2, first: "20" },
  ]);
  await sql`delete from slabmend.leases`;
  expect(
    await sql`select slab_id::text from slabmend.backlog where not ready and look_at <= clock_timestamp()`,
  ).toEqual([{ slab_id: "3" }]);
});
