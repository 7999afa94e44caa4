/**
 * Walk and leases do not disturb indexd: the walk locks no row of indexd, and neither the walk nor leasing scans a
 * large table of indexd.
 */
import { beforeAll, expect, test } from "vitest";
import { listSlabsToLookAt, readUnmarked } from "../../../lib/database/backlog/record-backlog.ts";
import { readHostAddresses, readSlabHealth } from "../../../lib/database/backlog/slab-health.ts";
import { CAUSES } from "../../../lib/jobs/backlog/causes.ts";
import { parseSlabId } from "../../../lib/slab/ids.ts";
import { useDatabase } from "../../support/database.ts";
import {
  blockHost,
  LOST,
  placeOn,
  type SeededHost,
  seedNetwork,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { lease, walk, walkSettings } from "./backlog-fixture.ts";

const SLABS = 400;
const SHARDS = 12;

// Only one connection, because a connection can flush only its own statistics counters.
const { sql } = useDatabase({ max: 1 });
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 30, seed: (n) => ({ addresses: [`10.0.${n}.1:1`] }) });
  await seedSlabs(sql, {
    minShards: 4,
    slabs: Array.from({ length: SLABS }, (_, slab) => ({
      sectors: placeOn(Array.from({ length: SHARDS }, (_, n) => hosts[(slab * 7 + n) % 30]!)).map(
        (place, n) => {
          if (slab % 20 === 0 && n === 0) return LOST;
          return slab % 50 === 1 ? { ...place, mapId: null } : place;
        },
      ),
    })),
  });
  await sql`update hosts set unpinned_sectors = (
    select count(*) from sectors s where s.host_id = hosts.id and s.contract_sectors_map_id is null)`;
  await blockHost(sql, hosts[3]!.hostKey);
  await sql`
    insert into slabmend.denials (sector_id, host_id, root, map_id, uploaded_at, code, state, denials, first_denied_at, counted_at,
      last_denied_at)
    select s.id, s.host_id, s.sector_root, s.contract_sectors_map_id, s.uploaded_at, 'not-found', 'open', 1, now(), now(), now()
    from sectors s where s.host_id = ${hosts[5]!.id} and s.contract_sectors_map_id is not null order by s.id limit 20`;
  await sql`
    insert into slabmend.runs (kind, scope, owner)
    values ('drain', jsonb_build_object('hosts', jsonb_build_array(${hosts[7]!.hostKey}::text), 'sectors', 1), 'test')`;
  await sql.unsafe("analyze");
});

interface Scans {
  readonly scans: number;
  readonly rows: number;
}

async function scans(): Promise<Scans> {
  await sql`select pg_stat_force_next_flush()`;
  await sql`select pg_stat_clear_snapshot()`;
  const [row] = await sql<Scans[]>`
    select sum(seq_scan)::integer as scans, sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as rows
    from pg_stat_user_tables where schemaname = 'public' and relname in ('sectors', 'slab_sectors', 'slabs')`;
  return row!;
}

test("the walk takes only read locks on indexd's tables", async () => {
  for (const cause of CAUSES) {
    const locks = await sql.begin(async (tx) => {
      const page = JSON.stringify({ cause, pass: "1", position: "0", pageSectors: 50, graceMs: 0 });
      const [row] = await tx<
        { page: { sectors: number } }[]
      >`select slabmend.walk_page(${page}::text::jsonb) as page`;
      expect(row!.page.sectors).toBeGreaterThan(0);
      // The walk's other reads: it needs them to judge and to remove entries of the backlog.
      const all = await tx`select id::text from slabs order by id limit 50`;
      const { slabs } = await readSlabHealth(
        tx,
        all.map(({ id }) => parseSlabId(id)),
        0,
      );
      expect(slabs).toHaveLength(50);
      await listSlabsToLookAt(tx, 50);
      await readUnmarked(tx, { cause, pass: 2n, position: 0n, limit: 50 });
      await readHostAddresses(tx);
      const held = await tx<{ name: string; mode: string }[]>`
        select c.relname as name, l.mode from pg_locks l join pg_class c on c.oid = l.relation
        where l.pid = pg_backend_pid() and c.relnamespace = 'public'::regnamespace`;
      return [...held];
    });
    expect(locks.map(({ name }) => name)).toContain("sectors");
    // A row lock would show up as RowShareLock or a stronger lock on the table.
    expect(new Set(locks.map(({ mode }) => mode))).toEqual(new Set(["AccessShareLock"]));
  }
});

test("walk and leases read indexd's large tables only by index, and only unhealthy rows", async () => {
  const before = await scans();
  const report = await walk(sql, walkSettings({ pageSectors: 25 }));
  const walked = await scans();
  expect(report.sectors).toBeGreaterThan(100);
  expect(walked.scans - before.scans).toBe(0);
  // The walk reads the sectors of each slab in two tables, and reads each bad sector again where two pages overlap. If
  // each page scanned all 4,800 sectors, the walk would read seven times as many rows.
  expect(walked.rows - before.rows).toBeLessThan(
    1.5 * (report.recorded * (2 * SHARDS + 4) + 2 * report.sectors),
  );
  const batch = await lease(sql);
  expect(batch.leases.length).toBeGreaterThan(10);
  const leased = await scans();
  expect(leased.scans - walked.scans).toBe(0);
  expect(leased.rows - walked.rows).toBeLessThan(batch.leases.length * 12);
});

test("a batch reads only its own slabs' leases and history", async () => {
  await walk(sql, walkSettings({ pageSectors: 25 }));
  const read = await sql.begin(async (tx) => {
    // PostgreSQL plans the statement while there are hardly any leases. The leases of a thousand workers are inserted
    // only afterwards.
    await lease(tx, { maxLeases: 1 });
    await tx`
      insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, expires_at, margin)
      select 1e9 + n, sha256(int4send(n)), now(), now(), now(), now() + interval '1 hour', 1 from generate_series(1, 2000) n`;
    await tx`
      insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt)
      select 1e9 + n, sha256(int4send(n)), 'repaired', now(), now() from generate_series(1, 2000) n`;
    const rows = async (): Promise<number> => {
      const [row] = await tx<{ rows: number }[]>`
        select sum(seq_tup_read + idx_tup_fetch)::integer as rows
        from pg_stat_xact_user_tables where schemaname = 'slabmend' and relname in ('leases', 'repairs')`;
      return row!.rows;
    };
    const before = await rows();
    expect((await lease(tx, { maxLeases: 10 })).leases).toHaveLength(10);
    return (await rows()) - before;
  });
  expect(read).toBeLessThan(20);
});
