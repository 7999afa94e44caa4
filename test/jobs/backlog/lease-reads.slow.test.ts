/** What a batch of leases reads of the backlog: its own entries, from the front of one index, in either order. */
import { beforeAll, expect, test } from "vitest";
import { useDatabase } from "../../support/database.ts";
import { LOST, seedSlabs } from "../../support/seed-indexd.ts";
import { lease } from "./backlog-fixture.ts";

const SLABS = 4_000;
const BATCH = 20;

// One connection, so that what it counts is written down when we ask.
const { sql } = useDatabase({ max: 1 });
beforeAll(async () => {
  await seedSlabs(sql, { slabs: Array.from({ length: SLABS }, () => ({ minShards: 1, sectors: [LOST] })) });
  // Half are beyond rescue and have waited longest; of the others each is more urgent than the one before.
  await sql`
    insert into slabmend.backlog (slab_id, urgency, loss, margin, causes, since, waiting_since, ready, look_at)
    select s.id, case when s.id % 2 = 0 then 0 else s.id / 1e9 end, 0, 0, '{}', '{}',
      now() - interval '2 days' - (case when s.id % 2 = 0 then interval '2 days' else interval '0' end), true, now()
    from slabs s`;
  await sql.unsafe("analyze");
});

/** Entries read of each index of the backlog, and rows read by whole scans. */
async function reads(): Promise<Readonly<Record<string, number>>> {
  await sql`select pg_stat_force_next_flush()`;
  await sql`select pg_stat_clear_snapshot()`;
  const rows = await sql<{ name: string; n: number }[]>`
    select indexrelname as name, idx_tup_read::integer as n from pg_stat_user_indexes where relname = 'backlog'
    union all select 'scans', seq_tup_read::integer from pg_stat_user_tables where relname = 'backlog'`;
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

test.each([
  ["urgency", -1, "backlog_urgency_idx"],
  ["urgency", 1e-9, "backlog_urgency_idx"],
  ["waiting", -1, "backlog_waiting_idx"],
  // Passes over those beyond rescue within the index.
  ["waiting", 0, "backlog_waiting_idx"],
] as const)("in the order of %s, above %f: from the front of %s", async (order, urgencyAbove, index) => {
  const before = await reads();
  expect((await lease(sql, { order, urgencyAbove, maxLeases: BATCH })).leases).toHaveLength(BATCH);
  const after = await reads();
  const read = Object.fromEntries(Object.entries(after).map(([name, n]) => [name, n - before[name]!]));
  // Its own, and dead ones of the batches before.
  expect(read[index]).toBeLessThanOrEqual(4 * BATCH);
  expect(read["backlog_pkey"]).toBeLessThanOrEqual(3 * BATCH);
  const others = Object.entries(read).filter(
    ([name, n]) => n > 0 && name !== index && name !== "backlog_pkey",
  );
  expect(others).toEqual([]);
});
