import type { ISql } from "postgres";

/** Rows per transaction. There are few rows: runs are started by hand, and checks have one row per hour. */
const MOST_ROWS = 1_000;

/**
 * Deletes maintenance runs that finished more than `olderThanMs` ago, and sums of due checks for hours that began
 * before then.
 * @returns the number of deleted rows
 */
export async function forgetRuns(sql: ISql, olderThanMs: number): Promise<number> {
  const before = sql`clock_timestamp() - ${olderThanMs} * interval '1 millisecond'`;
  const runs = await sql`
    delete from slabmend.runs r using (
      select o.id from slabmend.runs o where o.finished_at < ${before} order by o.finished_at limit ${MOST_ROWS}
      for update skip locked
    ) old where r.id = old.id`;
  const checks = await sql`
    delete from slabmend.checks c using (
      select o.hour from slabmend.checks o where o.hour < ${before} order by o.hour limit ${MOST_ROWS}
      for update skip locked
    ) old where c.hour = old.hour`;
  return runs.count + checks.count;
}
