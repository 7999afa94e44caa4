/**
 * Finds out how a backend spends its time in a commit. Reads PostgreSQL's counters of functions, triggers, WAL and
 * disk.
 */
import type { Sql } from "postgres";
import { round } from "./samples.ts";

interface ServerCounters {
  readonly functions: ReadonlyMap<string, { readonly calls: number; readonly selfMs: number }>;
  readonly walRecords: number;
  readonly walBytes: number;
  readonly walSyncs: number;
}

/**
 * Switches the timing of SQL functions on or off for later connections. The measured times include what the timing
 * itself costs.
 */
export async function countFunctions(sql: Sql, setting: "all" | "none"): Promise<void> {
  const [row] = await sql<{ name: string }[]>`select current_database() as name`;
  await sql.unsafe(`alter database "${row!.name}" set track_functions = '${setting}'`);
}

export async function readCounters(sql: Sql): Promise<ServerCounters> {
  await sql`select pg_stat_clear_snapshot()`;
  const functions = await sql<{ name: string; calls: number; self: number }[]>`
    select funcname as name, sum(calls)::float8 as calls, sum(self_time) as self from pg_stat_user_functions group by 1`;
  const [wal] = await sql<{ records: number; bytes: number; syncs: number }[]>`
    select w.wal_records::float8 as records, w.wal_bytes::float8 as bytes,
      (select sum(i.fsyncs)::float8 from pg_stat_io i where i.object = 'wal') as syncs
    from pg_stat_wal w`;
  return {
    functions: new Map(functions.map(({ name, calls, self }) => [name, { calls, selfMs: self }])),
    walRecords: wal!.records,
    walBytes: wal!.bytes,
    walSyncs: wal!.syncs,
  };
}

/** How much the counters grew between two readings, divided by the number of commits. */
export function perCommit(before: ServerCounters, after: ServerCounters, commits: number) {
  const selfMs = [...after.functions].map(([name, { selfMs }]): [string, number] => [
    name,
    round((selfMs - (before.functions.get(name)?.selfMs ?? 0)) / commits),
  ]);
  return {
    selfMsByFunction: Object.fromEntries(
      selfMs.filter(([, milliseconds]) => milliseconds > 0.005).toSorted((a, b) => b[1] - a[1]),
    ),
    walRecords: round((after.walRecords - before.walRecords) / commits),
    walBytes: round((after.walBytes - before.walBytes) / commits),
    walSyncs: round((after.walSyncs - before.walSyncs) / commits),
  };
}
