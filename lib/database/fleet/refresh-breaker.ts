import type { ISql } from "postgres";
import { pastTime } from "../client/past-time.ts";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";
import {
  type BreakerLimits,
  type CircuitBreaker,
  nextBreaker,
  type RecentOutcome,
} from "./circuit-breaker.ts";

interface BreakerRow {
  readonly open: boolean;
  readonly since_ms: number;
  readonly backoff_ms: number;
  readonly from_ms: number | null;
  readonly until_ms: number | null;
  readonly revision: string;
  readonly now_ms: number;
  readonly outcomes: RecentOutcome[];
}

/**
 * How many of the latest rows of the journal are read. They cover 20 different slabs, unless a few slabs fill most of
 * these rows.
 */
const MOST_ROWS = 200;

/**
 * Reads the latest outcomes, decides (circuit-breaker.ts) and stores the decision. Times are the database's. If another
 * process stores its decision first, the decision made here is returned to the caller but not stored.
 *
 * Reads the journal backwards by journal_finished_at_idx; the row of `fleet` is locked for one update only.
 */
export async function refreshBreaker(sql: ISql, limits: BreakerLimits): Promise<BreakerNow> {
  return await retryTransaction("refresh the circuit breaker", () => refreshOnce(sql, limits), BRIEFLY);
}

interface BreakerNow {
  readonly breaker: CircuitBreaker;
  readonly nowMs: number;
}

async function refreshOnce(sql: ISql, limits: BreakerLimits): Promise<BreakerNow> {
  const [row] = await sql<BreakerRow[]>`
    select f.breaker_open as open, f.backoff_ms, f.revision::text,
      ${sql.unsafe(msOf("f.breaker_since"))} as since_ms,
      ${sql.unsafe(msOf("f.backoff_from"))} as from_ms,
      ${sql.unsafe(msOf("f.backoff_until"))} as until_ms,
      ${sql.unsafe(msOf("clock_timestamp()"))} as now_ms,
      (
        select coalesce(jsonb_agg(jsonb_build_object('slabId', j.slab_id::text, 'outcome', j.outcome,
          'finishedAtMs', ${sql.unsafe(msOf("j.finished_at"))})), '[]')
        from (
          select j.slab_id, j.outcome, j.finished_at from slabmend.journal j
          where j.outcome <> 'superseded'
            -- After a clock was set back, outcomes in the future would count as the latest until their time had come.
            and j.finished_at <= (select clock_timestamp())
            -- A drain that waits for room or funds says nothing about repairs.
            and not (j.kind = 'drain' and j.outcome in ('no-candidates', 'underfunded'))
          order by j.finished_at desc limit ${MOST_ROWS}
        ) j
      ) as outcomes
    from slabmend.fleet f`;
  const before = breakerOf(row!);
  const breaker = nextBreaker(before, row!.outcomes, row!.now_ms, limits);
  // A stored time that lies in the future is replaced: otherwise every call would read it as the present time
  // (pastTime), and no time would seem to have passed since.
  const wasAhead = Math.max(row!.since_ms, row!.from_ms ?? 0) > row!.now_ms;
  if (breaker !== before || wasAhead) await writeBreaker(sql, breaker, row!.revision);
  return { breaker, nowMs: row!.now_ms };
}

/**
 * Takes the right to lease one slab as a probe during a backoff. False: the right was last taken less than `everyMs`
 * ago.
 */
export async function takeProbe(sql: ISql, everyMs: number): Promise<boolean> {
  // If the answer is lost, no probe is leased until `everyMs` have passed again.
  const take = () => sql`
    update slabmend.fleet set last_probe_at = clock_timestamp()
    where last_probe_at is null or last_probe_at <= clock_timestamp() - make_interval(secs => ${everyMs}::double precision / 1000)
      -- The clock was set back.
      or last_probe_at > clock_timestamp()
    returning 1`;
  return (await retryTransaction("take a probe", async () => await take(), BRIEFLY)).length > 0;
}

/** SQL: a time in milliseconds. A double can hold times of this century with microseconds. */
const msOf = (expression: string): string => `(extract(epoch from ${expression}) * 1000)::double precision`;

function breakerOf(row: BreakerRow): CircuitBreaker {
  const sinceMs = pastTime(row.since_ms, row.now_ms);
  if (!row.open) return { kind: "closed", sinceMs, lastBackoffMs: row.backoff_ms };
  const backoffFromMs = pastTime(row.from_ms!, row.now_ms);
  return {
    kind: "open",
    sinceMs,
    backoffMs: row.backoff_ms,
    backoffFromMs,
    backoffUntilMs: Math.min(row.until_ms!, backoffFromMs + row.backoff_ms),
  };
}

async function writeBreaker(sql: ISql, breaker: CircuitBreaker, revision: string): Promise<void> {
  const open = breaker.kind === "open";
  const at = (ms: number | null) => sql`to_timestamp(${ms}::double precision / 1000)`;
  await sql`
    update slabmend.fleet set
      breaker_open = ${open}::boolean,
      breaker_since = ${at(breaker.sinceMs)},
      backoff_ms = ${breaker.kind === "open" ? breaker.backoffMs : breaker.lastBackoffMs}::integer,
      backoff_from = ${at(breaker.kind === "open" ? breaker.backoffFromMs : null)},
      backoff_until = ${at(breaker.kind === "open" ? breaker.backoffUntilMs : null)},
      revision = revision + 1
    where revision = ${revision}::bigint`;
}
