import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { indexdSchema } from "../../dev/indexd/indexd-schema.ts";
import { type PostgresServer, startPostgres } from "../../dev/postgres/postgres.ts";
import { compareCatalogues } from "./compare-catalogues.ts";
import { type Catalogue, catalogueDigest, readCatalogue } from "./read-catalogue.ts";
import { findRealIndexd } from "./real-indexd.ts";

/**
 * Digest of the catalogue of a real indexd v0.4.4 on PostgreSQL 18.4, read on 2026-11-20
 * (docs/decisions/0033-real-peers.md). The digest covers the tables that the fixture has. Without a real indexd the
 * fixture is compared with this digest. A new digest is needed if the fixture's tables, indexd's schema or PostgreSQL's
 * way of printing a catalogue change.
 */
const REAL_CATALOGUE_DIGEST = "ab0d98cae0c0bf415f829bda918e2fed0e7d88d72046bbc2c6e51a6f443d4f3e";

let server: PostgresServer;
let fixture: Sql;
let ours: Catalogue;

beforeAll(async () => {
  server = await startPostgres();
  fixture = postgres(server.url("postgres"), { max: 1, onnotice: () => {} }) as Sql;
  await fixture.unsafe(indexdSchema(22));
  ours = await readCatalogue(fixture);
});

afterAll(async () => {
  await fixture?.end();
  await server?.stop();
});

test("the fixture's catalogue has the recorded digest of indexd v0.4.4's catalogue", () => {
  expect(catalogueDigest(ours, ours.keys())).toBe(REAL_CATALOGUE_DIGEST);
});

const real = findRealIndexd(process.env);

test("the fixture equals the catalogue of the real indexd", async (context) => {
  if (real.kind === "missing") return context.skip(real.why);
  const sql = postgres(real.databaseUrl, { max: 1, onnotice: () => {} }) as Sql;
  try {
    expect(compareCatalogues(await readCatalogue(sql), ours)).toEqual([]);
  } finally {
    await sql.end();
  }
});

describe("every kind of difference between two catalogues is found", () => {
  test.each([
    ["a column more", "alter table sectors add extra integer"],
    ["a column less", "alter table sectors drop num_migrated"],
    ["another type", "alter table contracts alter size type numeric"],
    ["another default", "alter table hosts alter recent_uptime set default 0.5"],
    ["no default", "alter table hosts alter recent_uptime drop default"],
    ["null allowed", "alter table slabs alter min_shards drop not null"],
    ["a constraint more", "alter table stats_deltas add check (stat_delta <> 0)"],
    ["an index more", "create index extra_idx on slabs (next_repair_attempt)"],
    ["an index less", "drop index sectors_lost_idx"],
    [
      "another condition of an index",
      "drop index sectors_lost_idx; create index sectors_lost_idx on sectors (id)",
    ],
    ["a table less", "drop table slab_deletion_queue"],
    ["an unlogged table", "alter table slab_deletion_queue set unlogged"],
    [
      "a trigger",
      `create function nothing() returns trigger language plpgsql as 'begin return new; end';
       create trigger extra before update on sectors for each row execute function nothing()`,
    ],
  ])("%s", async (_what, change) => {
    const changed = await changedCatalogue(change);
    expect(compareCatalogues(changed, ours)).not.toEqual([]);
    expect(catalogueDigest(changed, ours.keys())).not.toBe(REAL_CATALOGUE_DIGEST);
  });

  test("a table that indexd has but the fixture lacks is not reported as a difference", async () => {
    const changed = await changedCatalogue("create table wallet_events (id integer)");
    expect(compareCatalogues(changed, ours)).toEqual([]);
    expect(catalogueDigest(changed, ours.keys())).toBe(REAL_CATALOGUE_DIGEST);
  });
});

const ROLLED_BACK = Symbol("rolled back");

/** The fixture's catalogue after `change`. The change is rolled back. */
async function changedCatalogue(change: string): Promise<Catalogue> {
  let changed: Catalogue | undefined;
  try {
    await fixture.begin(async (transaction) => {
      await transaction.unsafe(change);
      changed = await readCatalogue(transaction);
      throw ROLLED_BACK;
    });
  } catch (error) {
    if (error !== ROLLED_BACK) throw error;
  }
  return changed!;
}
