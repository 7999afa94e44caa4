/**
 * Leasing a batch, and one step of the walk, read only those entries of the backlog that they change, from the front of
 * one index.
 */
import { beforeAll, expect, test } from "vitest";
import { recordBacklog, type WalkStepChanges } from "../../../lib/database/backlog/record-backlog.ts";
import { parseSlabId } from "../../../lib/slab/ids.ts";
import { useDatabase } from "../../support/database.ts";
import { LOST, seedSlabs } from "../../support/seed-indexd.ts";
import { lease } from "./backlog-fixture.ts";

const SLABS = 4_000;
const BATCH = 20;

// Only one connection, because a connection can flush only its own statistics counters.
const { sql } = useDatabase({ max: 1 });
beforeAll(async () => {
  await seedSlabs(sql, { slabs: Array.from({ length: SLABS }, () => ({ minShards: 1, sectors: [LOST] })) });
  // Half of the slabs are beyond rescue and have waited longest. In the other half urgency rises from slab to slab.
  await sql`
    insert into slabmend.backlog (slab_id, urgency, loss, margin, causes, since, waiting_since, ready, look_at)
    select s.id, case when s.id % 2 = 0 then 0 else s.id / 1e9 end, 0, 0, '{}', '{}',
      now() - interval '2 days' - (case when s.id % 2 = 0 then interval '2 days' else interval '0' end), true, now()
    from slabs s`;
  await sql.unsafe("analyze");
});

/** Reads of the backlog so far: entries read from each index, and rows read by scans of the whole table. */
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
  // This batch skips entries beyond rescue, and does so within the index.
  ["waiting", 0, "backlog_waiting_idx"],
] as const)("in the order of %s, above %f: from the front of %s", async (order, urgencyAbove, index) => {
  const before = await reads();
  expect((await lease(sql, { order, urgencyAbove, maxLeases: BATCH })).leases).toHaveLength(BATCH);
  const after = await reads();
  const read = Object.fromEntries(Object.entries(after).map(([name, n]) => [name, n - before[name]!]));
  // A batch may read its own entries, and dead index entries that earlier batches left.
  expect(read[index]).toBeLessThanOrEqual(4 * BATCH);
  expect(read["backlog_pkey"]).toBeLessThanOrEqual(3 * BATCH);
  const others = Object.entries(read).filter(
    ([name, n]) => n > 0 && name !== index && name !== "backlog_pkey",
  );
  expect(others).toEqual([]);
});

test("recording a step of the walk reads only the marks of the slabs that the step marked or swept", async () => {
  await sql`truncate slabmend.marks, slabmend.walks`;
  await sql`insert into slabmend.marks (cause, slab_id, pass) select 'lost', s.id, 1 from slabs s`;
  await sql`insert into slabmend.walks (cause, pass, pass_started_at) values ('lost', 2, now())`;
  await sql.unsafe("analyze slabmend.marks");
  const marksRead = async (): Promise<number> => {
    await sql`select pg_stat_force_next_flush()`;
    await sql`select pg_stat_clear_snapshot()`;
    const [row] = await sql<{ n: number }[]>`
      select (coalesce(idx_tup_fetch, 0) + seq_tup_read)::integer as n from pg_stat_user_tables where relname = 'marks'`;
    return row!.n;
  };
  const ids = (await sql<{ id: string }[]>`select id::text from slabs order by id limit ${2 * BATCH}`).map(
    ({ id }) => parseSlabId(id),
  );
  const place = { phase: "mark", position: 0n, slabPosition: 0n } as const;
  const record = (step: Partial<WalkStepChanges>) =>
    recordBacklog(sql, {
      entries: [],
      removed: [],
      versions: {},
      step: { cause: "lost", pass: 2n, marked: [], swept: [], from: place, to: place, ...step },
    });
  const before = await marksRead();
  expect(await record({ marked: ids.slice(0, BATCH) })).toBe(true);
  expect(await record({ swept: ids.slice(BATCH) })).toBe(true);
  expect((await marksRead()) - before).toBeLessThanOrEqual(5 * BATCH);
  expect(await sql`select from slabmend.marks`).toHaveLength(SLABS - BATCH);
});
