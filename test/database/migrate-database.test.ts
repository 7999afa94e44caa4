import { expect, test } from "vitest";
import {
  assertStoreVersion,
  migrateDatabase,
  STORE_VERSION,
} from "../../lib/database/schema/migrate-database.ts";
import { useDatabase } from "../support/database.ts";

const database = useDatabase({ max: 8 });
const { sql } = database;

const uninstall = () => sql`drop schema slabmend cascade`;

const catalogue = () => sql`
  select table_name, column_name, data_type, column_default, is_nullable from information_schema.columns
  where table_schema = 'slabmend' order by 1, ordinal_position`;

test("the schema is installed once; a second run finds it installed", async () => {
  await uninstall();
  await expect(assertStoreVersion(sql)).rejects.toMatchObject({ code: "schema-missing" });
  expect(await migrateDatabase(sql)).toEqual({ from: 0, to: STORE_VERSION });
  const first = await catalogue();
  await assertStoreVersion(sql);
  expect(await migrateDatabase(sql)).toEqual({ from: STORE_VERSION, to: STORE_VERSION });
  expect(await catalogue()).toEqual(first);
});

test("one of several simultaneous migrations installs the schema, and the others find it installed", async () => {
  await uninstall();
  const results = await Promise.all(Array.from({ length: 6 }, () => migrateDatabase(sql)));
  expect(results.filter((result) => result.from === 0)).toHaveLength(1);
  await assertStoreVersion(sql);
});

test("a failed migration leaves nothing behind", async () => {
  await uninstall();
  // A table that already has one of our names makes the migration fail.
  await sql`create schema slabmend`;
  await sql`create table slabmend.dead_letters (id integer)`;
  await expect(migrateDatabase(sql)).rejects.toThrow();
  const tables = await sql`select table_name from information_schema.tables where table_schema = 'slabmend'`;
  expect(tables.map((row) => row["table_name"])).toEqual(["dead_letters"]);
  await uninstall();
  await migrateDatabase(sql);
});

test("a migration refuses a newer schema and changes nothing", async () => {
  await sql`insert into slabmend.database_migrations (version, name) values (${STORE_VERSION + 1}, 'of the future')`;
  await sql`update slabmend.installed_functions set sha256 = 'of the future'`;
  await expect(migrateDatabase(sql)).rejects.toMatchObject({ code: "schema-too-new" });
  await expect(assertStoreVersion(sql)).rejects.toMatchObject({ code: "schema-too-new" });
  expect(await sql`select sha256 from slabmend.installed_functions`).toEqual([{ sha256: "of the future" }]);
  await sql`delete from slabmend.database_migrations where version > ${STORE_VERSION}`;
});

test("assertStoreVersion refuses a schema older than its own release with schema-too-old", async () => {
  const newest =
    await sql`delete from slabmend.database_migrations where version = ${STORE_VERSION} returning *`;
  await expect(assertStoreVersion(sql)).rejects.toMatchObject({ code: "schema-too-old" });
  await sql`insert into slabmend.database_migrations ${sql(newest as never)}`;
});

test("a migration reinstalls functions whose text differs from the recorded one", async () => {
  await sql`drop function slabmend.commit_repair(jsonb)`;
  await sql`update slabmend.installed_functions set sha256 = 'of the past'`;
  await migrateDatabase(sql);
  const [row] = await sql`select to_regprocedure('slabmend.commit_repair(jsonb)') is not null as there`;
  expect(row).toEqual({ there: true });
});

test("our schema does not depend on indexd's tables, so indexd may alter them", async () => {
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
