/**
 * Compares the known catalogue with new and upgraded fixtures of indexd's database. docs/indexd-upgrades.md tells how
 * to compare it with the database of a real indexd.
 */
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FixtureVersion, indexdSchema, upgradeIndexd } from "../../../dev/indexd/indexd-schema.ts";
import { startPostgres } from "../../../dev/postgres/postgres.ts";
import { judgeVersion } from "../../../lib/database/indexd/version/judge-version.ts";
import { knownCatalogue, PROFILES } from "../../../lib/database/indexd/version/profiles.ts";
import { readIndexdCatalogue } from "../../../lib/database/indexd/version/verify-indexd.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { LOST, seedAccount, seedHost, seedSlab } from "../../support/seed-indexd.ts";
import { statisticsThatDisagree } from "../../support/seed-statistics.ts";

let database: TestDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase({ schema: "empty", max: 1 });
  sql = database.sql;
});
afterAll(() => database.drop());

/** Replaces the schema public by a new one with indexd's tables of this version. */
async function create(version: FixtureVersion): Promise<void> {
  await sql.unsafe("drop schema public cascade; create schema public");
  await sql.unsafe(indexdSchema(version));
}

test.each(PROFILES)("a new database of version %i equals the known catalogue", async (version) => {
  await create(version);
  const found = await readIndexdCatalogue(sql);
  expect({ tables: found.tables, functions: found.functions }).toEqual(knownCatalogue(version));
  expect(judgeVersion(version, found, undefined)).toEqual({ kind: "known", version, profile: version });
});

test("an upgraded database is recognised at each released version, and upgrades keep its marks and statistics", async () => {
  await create(22);
  const host = await seedHost(sql);
  const sectors = [{ hostId: host.id, mapId: host.contract!.mapId }];
  const slab = await seedSlab(sql, { minShards: 1, sectors });
  await seedAccount(sql);
  await sql`update slabs set consecutive_failed_repairs = 2`;
  await seedSlab(sql, { minShards: 1, sectors: [LOST], columns: { consecutive_failed_repairs: 3 } });
  const verdicts: Record<number, string> = {};
  for (const version of [23, 24, 25, 26]) {
    await upgradeIndexd(sql, version);
    verdicts[version] = judgeVersion(version, await readIndexdCatalogue(sql), undefined).kind;
    if (version === 23) {
      await sql`update slabs set unrecoverable = true, unrecoverable_reason = 'a shard' where id = ${String(slab.id)}`;
    }
  }
  expect(verdicts).toEqual({ 23: "known", 24: "upgrading", 25: "upgrading", 26: "known" });
  expect(
    await sql`select unrecoverable_reason, unrecoverable_since = 'epoch' as for_ever from slabs order by id`,
  ).toEqual([
    { unrecoverable_reason: "a shard", for_ever: true },
    { unrecoverable_reason: null, for_ever: null },
  ]);
  expect(await statisticsThatDisagree(sql)).toEqual([]);
});

test("the catalogue is the same for any search_path and with minimal privileges", async () => {
  await create(26);
  const expected = await readIndexdCatalogue(sql);
  const role = `poor_${Math.random().toString(36).slice(2)}`;
  await sql.unsafe(`create role ${role}; grant usage on schema public to ${role};
    grant select (id, db_version) on global_settings to ${role}`);
  try {
    await sql.unsafe(`set role ${role}; set search_path = pg_catalog`);
    const found = await readIndexdCatalogue(sql);
    expect(found.tables).toEqual(expected.tables);
    expect(found.functions).toEqual(expected.functions);
    expect(found.searchPath.findsPublic).toBe(false);
  } finally {
    await sql.unsafe(`reset role; reset search_path; drop owned by ${role}; drop role ${role}`);
  }
});

/** The variable, which CI sets, names the folder that scripts/install-postgres17.sh has made. */
const postgres17 = process.env["SLABMEND_POSTGRES17"];

test.skipIf(postgres17 === undefined)("PostgreSQL 17 gives the same catalogue as 18", async () => {
  const server = await startPostgres({ binaries: postgres17! });
  try {
    const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => {} }) as Sql;
    try {
      const [version] = await admin<{ number: number }[]>`
        select current_setting('server_version_num')::integer as number`;
      expect(Math.floor(version!.number / 10_000)).toBe(17);
      for (const profile of PROFILES) {
        await admin.unsafe("drop schema public cascade; create schema public");
        await admin.unsafe(indexdSchema(profile));
        const found = await readIndexdCatalogue(admin);
        expect({ tables: found.tables, functions: found.functions }).toEqual(knownCatalogue(profile));
      }
    } finally {
      await admin.end();
    }
  } finally {
    await server.stop();
  }
});
