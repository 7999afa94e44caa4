/**
 * A page of the walk reads only its own rows, even if thousands of slabs share the page's sectors, and even if bad
 * hosts have unpinned sectors.
 */
import { beforeAll, expect, test } from "vitest";
import { useDatabase } from "../../support/database.ts";
import {
  blockHost,
  LOST,
  type SeededHost,
  seedNetwork,
  seedSlab,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { backlogRows, walk, walkSettings } from "./backlog-fixture.ts";

const UNPINNED = 3_000;
const SHARING = 1_500;

// Only one connection, because a connection can flush only its own statistics counters.
const { sql } = useDatabase({ max: 1 });
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 4 });
  const lost = await seedSlab(sql, { minShards: 1, sectors: [LOST, LOST] });
  await seedSlabs(sql, {
    minShards: 1,
    slabs: Array.from({ length: SHARING - 1 }, () => ({
      sectors: lost.sectors.map(({ root }) => ({ ...LOST, root })),
    })),
  });
  // Each slab has two unpinned sectors. The second sector of each of the first hundred slabs is on another host; all
  // other unpinned sectors are on the blocked host.
  await seedSlabs(sql, {
    minShards: 1,
    slabs: Array.from({ length: UNPINNED / 2 }, (_, n) => ({
      sectors: [
        { hostId: hosts[0]!.id, mapId: null },
        { hostId: hosts[n < 100 ? 1 : 0]!.id, mapId: null },
      ],
    })),
  });
  await blockHost(sql, hosts[0]!.hostKey);
  await sql.unsafe("vacuum analyze");
});

async function entriesRead(index: string): Promise<number> {
  await sql`select pg_stat_force_next_flush()`;
  await sql`select pg_stat_clear_snapshot()`;
  const [row] = await sql<{ n: number }[]>`
    select idx_tup_read::integer as n from pg_stat_user_indexes where indexrelname = ${index}`;
  return row!.n;
}

test.each([1, 10, 700])(
  "to read a page of %i slabs that share sectors, PostgreSQL reads at most about two index entries per slab",
  async (most) => {
    const index = "slab_sectors_sector_id_slab_id_idx";
    const ids = (await sql`select id::text from sectors where host_id is null`).map(({ id }) => id as string);
    const before = await entriesRead(index);
    const rows = await sql<{ sector_id: string; slab_id: string }[]>`
    select * from slabmend.sector_slabs(${ids}::bigint[], 0, 0, ${most})`;
    const read = (await entriesRead(index)) - before;
    expect(rows).toHaveLength(most);
    // The query's sort may read some more rows than it returns.
    expect(read).toBeLessThan(2 * most + 100);
  },
);

test("a page of many unpinned sectors on bad hosts is read through the index by id, not by host", async () => {
  const byId = "sectors_contract_sectors_map_id_id_idx";
  const byHost = "sectors_host_id_null_contract_map_idx";
  const before = [await entriesRead(byId), await entriesRead(byHost)] as const;
  const page = await sql<{ sector_ids: string[]; next_sector: string | null }[]>`
    select to_jsonb(sector_ids) as sector_ids, next_sector from slabmend.bad_sectors('bad-host', 0, 20)`;
  expect(page[0]!.sector_ids).toHaveLength(20);
  const after = [await entriesRead(byId), await entriesRead(byHost)] as const;
  expect(after[0] - before[0]).toBeLessThan(1_100);
  expect(after[1] - before[1]).toBe(0);
  const [expected] = await sql<{ sectors: number; slabs: number }[]>`
    select count(*)::integer as sectors, count(distinct ss.slab_id)::integer as slabs
    from sectors s join slab_sectors ss on ss.sector_id = s.id where s.host_id = ${hosts[0]!.id}`;
  // With 50 sectors per page the unpinned sectors of all hosts are scanned by id. With 400 sectors per page the blocked
  // host's unpinned sectors are few enough to be read and sorted.
  for (const pageSectors of [50, 400]) {
    await sql`truncate slabmend.backlog, slabmend.marks, slabmend.walks`;
    const report = await walk(sql, walkSettings({ pageSectors }), ["bad-host"]);
    expect(report.sectors).toBe(expected!.sectors);
    expect(await backlogRows(sql)).toHaveLength(expected!.slabs);
  }
});
