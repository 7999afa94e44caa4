/** What a page of the claim by id reads of indexd's large tables: by index only, a share of each bad contract, never along the primary key. */
import type { Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { claimPage } from "../../../lib/database/leases/choose-unhealthy-slabs.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { LOST, placeOn, type SeededHost, seedNetwork, seedSlabs } from "../../support/seed-indexd.ts";

const TABLES = ["sectors", "slab_sectors", "slabs"];
const SLABS = 800;
const SHARDS = 12;
const HOSTS = 32;
const BAD_CONTRACTS = 10;
const PAGE = 100;
/** docs/decisions/0201: of each bad contract. */
const SHARE = 20 + (2 * PAGE) / BAD_CONTRACTS;

let database: TestDatabase;
let sql: Sql;
let hosts: SeededHost[];
let lastBadSector: bigint;
beforeAll(async () => {
  // One connection, so that what it counts is written down when we ask.
  database = await createTestDatabase({ max: 1 });
  sql = database.sql;
  hosts = await seedNetwork(sql, { hosts: HOSTS });
  // Contracts that go bad have their sectors in the first half of all.
  const slabs = await seedSlabs(sql, {
    minShards: 4,
    slabs: Array.from({ length: SLABS }, (_, slab) => {
      const among = slab < SLABS / 2 ? hosts : hosts.slice(BAD_CONTRACTS);
      const places = placeOn(Array.from({ length: SHARDS }, (_, n) => among[(slab * 7 + n) % among.length]!));
      return { sectors: slab % 50 === 0 ? [LOST, ...places.slice(1)] : places };
    }),
  });
  lastBadSector = slabs[SLABS / 2 - 1]!.sectors.at(-1)!.id;
  const bad = hosts.slice(0, BAD_CONTRACTS).map(({ id }) => id);
  await sql`update contracts set good = false where host_id = any (${bad}::integer[])`;
  // Sectors of a contract were uploaded one after the other: with equal times the planner takes another index for as good.
  await sql`update sectors set uploaded_at = now() - (10000000 - id) * interval '1 second'`;
  await sql.unsafe("reindex table sectors");
  await sql.unsafe("analyze");
});
afterAll(() => database.drop());

/** Whole scans of a table, and entries read of each index. */
type Reads = Readonly<Record<string, number>>;

async function reads(): Promise<Reads> {
  await sql`select pg_stat_force_next_flush()`;
  await sql`select pg_stat_clear_snapshot()`;
  const rows = await sql<{ name: string; n: number }[]>`
    select relname as name, seq_scan::integer as n from pg_stat_user_tables where schemaname = 'public' and relname = any (${TABLES})
    union all
    select indexrelname, idx_tup_read::integer from pg_stat_user_indexes where schemaname = 'public' and relname = any (${TABLES})`;
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

async function page(from: bigint) {
  await sql`update slabmend.checkpoints set position = ${String(from)} where name = 'claim'`;
  const before = await reads();
  const claimed = await claimPage(sql, {
    pageSectors: PAGE,
    maxLeases: 1_000,
    maxInFlight: 10_000,
    throughQueue: true,
    holdMs: 3_600_000,
    graceMs: 0,
  });
  const after = await reads();
  const read = Object.fromEntries(
    Object.entries(after)
      .map(([name, n]) => [name, n - before[name]!] as const)
      .filter(([, n]) => n > 0),
  );
  return { claimed, read };
}

/** Of each table, at most so many entries of all its indexes; no whole scan of any. */
function expectReads(read: Reads, slabs: number, most: { readonly byContract: number }): void {
  const { sectors_contract_sectors_map_id_id_idx: byContract = 0, ...rest } = read;
  expect(byContract).toBeLessThanOrEqual(most.byContract);
  // What names a scan, or another index than these, is not to be read at all.
  expect(Object.keys(rest).toSorted()).toEqual([
    "sectors_lost_idx",
    "sectors_pkey",
    "slab_sectors_sector_id_slab_id_idx",
    "slab_sectors_slab_id_slab_index_idx",
    "slabs_pkey",
  ]);
  expect(rest["sectors_lost_idx"]).toBeLessThanOrEqual(SLABS / 50);
  expect(rest["sectors_pkey"]).toBeLessThan(slabs * SHARDS + 10);
  expect(rest["slab_sectors_sector_id_slab_id_idx"]).toBeLessThanOrEqual(PAGE);
  expect(rest["slab_sectors_slab_id_slab_index_idx"]).toBe(slabs * SHARDS);
  expect(rest["slabs_pkey"]).toBeLessThan(SLABS / 4);
}

test("a page reads a share of each bad contract, and of its slabs only their own sectors", async () => {
  const { claimed, read } = await page(0n);
  expect(claimed.sectors).toBe(PAGE);
  expect(claimed.leases.length).toBeGreaterThan(10);
  expectReads(read, claimed.leases.length, { byContract: BAD_CONTRACTS * SHARE });
});

test("contracts that have nothing left behind the checkpoint cost nothing", async () => {
  const { claimed, read } = await page(lastBadSector);
  // What is left are the lost sectors of the second half.
  expect(claimed).toMatchObject({ sectors: SLABS / 2 / 50, next: { sector: 0n, slab: 0n }, passed: true });
  expect(claimed.leases).toHaveLength(SLABS / 2 / 50);
  expectReads(read, claimed.leases.length, { byContract: 0 });
});
