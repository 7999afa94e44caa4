/** What the walk reads per unhealthy sector, how long its snapshots last, and its query plans. */
import postgres, { type Sql } from "postgres";
import { systemClock } from "../../lib/clock/clock.ts";
import { DEFAULT_WALK_SETTINGS } from "../../lib/jobs/backlog/backlog-settings.ts";
import type { Cause } from "../../lib/jobs/backlog/causes.ts";
import { walkBacklog } from "../../lib/jobs/backlog/walk.ts";
import { client } from "./lease-rates.ts";
import { round } from "./samples.ts";

interface Counters {
  readonly rows: number;
  readonly buffers: number;
  readonly sequentialScans: number;
}

/** PostgreSQL's counters of what was read from indexd's large tables. */
async function readCounters(sql: Sql): Promise<Counters> {
  await sql`select pg_stat_clear_snapshot()`;
  const [row] = await sql<Counters[]>`
    select sum(coalesce(t.idx_tup_fetch, 0) + t.seq_tup_read)::float8 as rows,
      sum(io.heap_blks_hit + io.heap_blks_read + coalesce(io.idx_blks_hit + io.idx_blks_read, 0))::float8 as buffers,
      sum(t.seq_scan)::float8 as "sequentialScans"
    from pg_stat_user_tables t join pg_statio_user_tables io using (relid)
    where t.schemaname = 'public' and t.relname in ('sectors', 'slab_sectors', 'slabs')`;
  return row!;
}

/** Runs one complete pass of the walk on its own connection, and returns its cost. */
export async function walkEverything(url: string, causes?: readonly Cause[]) {
  const watcher = client(url);
  await watcher`select pg_stat_force_next_flush()`;
  const before = await readCounters(watcher);
  const longest = { ms: 0 };
  const sql = client(url);
  const watch = (work: Promise<unknown>): void => {
    const startedAt = performance.now();
    const note = (): void => {
      longest.ms = Math.max(longest.ms, performance.now() - startedAt);
    };
    work.then(note, note);
  };
  // Times how long snapshots last. Outside transactions, each statement has its own snapshot and is timed by itself. A
  // transaction of the walk contains only one read, so the transaction is timed as a whole.
  const watched = new Proxy(sql, {
    apply(target, self, args) {
      const query = Reflect.apply(target as unknown as (...args: unknown[]) => Promise<unknown>, self, args);
      watch(query);
      return query;
    },
    get(target, name) {
      if (name !== "begin") return Reflect.get(target, name);
      return (...args: unknown[]) => {
        const query = Reflect.apply(target.begin as (...args: unknown[]) => Promise<unknown>, target, args);
        watch(query);
        return query;
      };
    },
  });
  const startedAt = performance.now();
  const report = await walkBacklog(
    { ask: (statements) => statements(watched), clock: systemClock },
    { ...DEFAULT_WALK_SETTINGS, everyMs: 0 },
    3_600_000,
    ...(causes === undefined ? [] : [causes]),
  );
  const tookMs = performance.now() - startedAt;
  await sql`select pg_stat_force_next_flush()`;
  await sql.end();
  const after = await readCounters(watcher);
  await watcher.end();
  const perSector = (value: number): number => round(value / Math.max(1, report.sectors));
  return {
    unhealthySectors: report.sectors,
    slabsRecorded: report.recorded,
    pages: report.pages,
    seconds: round(tookMs / 1000),
    sectorsPerSecond: round((report.sectors * 1000) / tookMs),
    rowsReadPerSector: perSector(after.rows - before.rows),
    buffersPerSector: perSector(after.buffers - before.buffers),
    sequentialScansOfLargeTables: after.sequentialScans - before.sequentialScans,
    longestStatementMs: round(longest.ms),
  };
}

/**
 * EXPLAIN (ANALYZE, BUFFERS) of one page of the walk: of the call of walk_page, and of every statement inside that
 * function.
 */
export async function explainPage(url: string, cause: Cause): Promise<object> {
  const plans: string[] = [];
  const sql = postgres(url, {
    max: 1,
    prepare: false,
    fetch_types: false,
    onnotice: ({ message }) => void plans.push(String(message)),
  });
  try {
    await sql.unsafe(`load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on;
      set auto_explain.log_buffers = on; set auto_explain.log_timing = off; set auto_explain.log_nested_statements = on; set client_min_messages = log`);
    const page = JSON.stringify({
      cause,
      pass: "1000000",
      position: "0",
      pageSectors: 500,
      graceMs: 0,
    });
    const rows = await sql.unsafe<{ "QUERY PLAN": unknown }[]>(
      `explain (analyze, buffers, format json) select slabmend.walk_page('${page}'::jsonb)`,
    );
    return { call: rows[0]?.["QUERY PLAN"], statements: plans.map((plan) => plan.split("\n")) };
  } finally {
    await sql.end();
  }
}
