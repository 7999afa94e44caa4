/** Queries by time use the index of that time, so that a long history or backlog costs nothing. */
import { beforeAll, describe, expect, test } from "vitest";
import { listSlabsToLookAt } from "../../lib/database/backlog/record-backlog.ts";
import { checkBudget } from "../../lib/database/fleet/budget.ts";
import { listQuarantine } from "../../lib/database/fleet/quarantine.ts";
import { refreshBreaker } from "../../lib/database/fleet/refresh-breaker.ts";
import { listExpiredLeases } from "../../lib/database/leases/reap-leases.ts";
import { readFleetGauges } from "../../lib/database/reports/read-fleet-gauges.ts";
import { readStatus } from "../../lib/database/reports/read-status.ts";
import { DEFAULT_REAP_SETTINGS } from "../../lib/jobs/reap/reap-settings.ts";
import { useDatabase } from "../support/database.ts";

/**
 * Number of rows in each of the tables journal, backlog and repairs. The rows are an hour apart, so they span about 250
 * days; only the last LATELY rows of the journal are 100 ms apart.
 */
const ROWS = 6_000;
const LATELY = 40;
const EXPIRED = 50;
const HOUR_MS = 3_600_000;

// Only one connection, because pg_stat_force_next_flush flushes the counters of its own session only.
const { sql } = useDatabase({ max: 1 });
beforeAll(async () => {
  // The rows of the last hour are all crashes, so a search for a success in that hour reads all of them.
  await sql`
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
    select gen_random_uuid(), 1 + n % 700, sha256('slab'), o.outcome, o.outcome, 'w', e.at, e.at, e.at
    from generate_series(1, ${ROWS}::integer) n
    cross join lateral (select case when n <= ${ROWS - LATELY} then 'repaired' else 'crashed' end as outcome) o
    cross join lateral (select clock_timestamp() - case
      when n <= ${ROWS - LATELY} then (${ROWS + 2_000} - n) * interval '1 hour'
      else (${ROWS} - n) * interval '100 milliseconds' end as at) e
    order by n`;
  await sql`
    insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, expires_at, margin, began_at, worker)
    select n, sha256('slab'), now() - interval '1 hour', now(), now(), now() - interval '1 minute', 0, now() - interval '1 hour', 'w'
    from generate_series(1, ${EXPIRED}::integer) n`;
  await sql`
    insert into slabmend.backlog (slab_id, urgency, loss, margin, causes, since, waiting_since, ready, look_at)
    select n, 0, 0, 0, '{}', '{}', now(), false, now() + (n - ${LATELY}::integer) * interval '1 hour'
    from generate_series(1, ${ROWS}::integer) n`;
  await sql`
    insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt, quarantined_until)
    select n, sha256('slab'), 'crashed', now(), now(), now() + (${LATELY}::integer - n) * interval '1 hour'
    from generate_series(1, ${ROWS}::integer) n`;
  await sql.unsafe("analyze");
});

interface Reads {
  readonly scans: number;
  readonly entries: number;
}

async function reads(table: string): Promise<Reads> {
  await sql`select pg_stat_force_next_flush()`;
  await sql`select pg_stat_clear_snapshot()`;
  const [row] = await sql<[Reads]>`
    select t.seq_scan::integer as scans,
      (select sum(i.idx_tup_read)::integer from pg_stat_user_indexes i where i.relid = t.relid) as entries
    from pg_stat_user_tables t where t.schemaname = 'slabmend' and t.relname = ${table}`;
  return row;
}

async function readBy(table: string, ask: () => Promise<unknown>): Promise<Reads> {
  const before = await reads(table);
  await ask();
  const after = await reads(table);
  return { scans: after.scans - before.scans, entries: after.entries - before.entries };
}

describe.each<[string, string, () => Promise<unknown>, number]>([
  ["the fleet's gauges", "journal", () => readFleetGauges(sql), 3 * LATELY],
  ["status", "journal", () => readStatus(sql, { dangerAbove: 1e-4 }), 3 * LATELY],
  ["the budget", "journal", () => checkBudget(sql, { hastings: 1n }), 2 * LATELY],
  ["the fleet's health", "journal", () => refreshBreaker(sql, DEFAULT_REAP_SETTINGS.fleet), 200],
  [
    "the query for all expired leases",
    "journal",
    () => listExpiredLeases(sql, { successWindowMs: HOUR_MS, limit: 100 }),
    2 * LATELY,
  ],
  ["due entries of the backlog", "backlog", () => listSlabsToLookAt(sql, 1_000), LATELY],
  ["the quarantine", "repairs", () => listQuarantine(sql, 10), LATELY],
])("%s", (_, table, ask, most) => {
  test(`reads ${table} by index, and reads no entries of the distant past or future`, async () => {
    const read = await readBy(table, ask);
    expect(read.scans).toBe(0);
    expect(read.entries).toBeLessThanOrEqual(most);
  });
});

test("listExpiredLeases tells for each lease whether repairs of other slabs succeed", async () => {
  const others = async () => {
    const rows = await listExpiredLeases(sql, { successWindowMs: HOUR_MS, limit: 100 });
    return new Map(rows.map(({ slabId, othersSucceed }) => [slabId, othersSucceed]));
  };
  const succeed = (slabId: number) => sql`
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
    values (gen_random_uuid(), ${slabId}, sha256('slab'), 'repaired', 'repaired', 'w', now(), now(), clock_timestamp())`;
  const onlyOf = (slabIds: string[]) =>
    new Map(Array.from({ length: EXPIRED }, (_, n) => [String(n + 1), slabIds.includes(String(n + 1))]));
  const all = Array.from({ length: EXPIRED }, (_, n) => String(n + 1));
  expect(await others()).toEqual(onlyOf([]));
  for (let n = 0; n < 3; n += 1) await succeed(7);
  expect(await others()).toEqual(onlyOf(all.filter((id) => id !== "7")));
  await succeed(8);
  await succeed(8);
  expect(await others()).toEqual(onlyOf(all));
});
