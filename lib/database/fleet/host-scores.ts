import type { ISql } from "postgres";
import {
  FORGET_FULL_AFTER_MS,
  FORGET_OUT_OF_FUNDS_AFTER_MS,
  type HostSample,
  type SharedHostScore,
} from "../../hosts/shared-score.ts";
import { parseHostKey } from "../../slab/ids.ts";
import { ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";

/** At this age a measurement counts half: a host's bandwidth changes within hours, its price within a day. */
const HALF_LIFE_MS = 30 * 60_000;
/** Each host is credited with this many successful requests, so that a single failure does not condemn it. */
const ASSUMED_SUCCESSES = 4;
/** A host's bandwidth counts as unknown if, after decay, fewer bytes than this were measured. */
const LEAST_BYTES = 65_536;
/** The most hosts in one report: those of a slab's at most 256 sectors, and candidates that failed. */
const MAX_SAMPLES = 1_024;
/**
 * PostgreSQL raises an error if a product is too small to be distinguished from zero. A sum to which nothing is added
 * decays that far in 1,074 half-lives (three weeks). From then on, every attempt to read or report scores would fail.
 * So a sum below LEAST_SUM counts as zero, and so does any sum after MOST_HALF_LIVES. The smallest product that is
 * computed, LEAST_SUM / 2^MOST_HALF_LIVES, is above 10^-37.
 */
const LEAST_SUM = 1e-6;
const MOST_HALF_LIVES = 100;
/**
 * A larger sum counts as this value, so that quotients stay finite even if a worker reports nonsense. No honest sum is
 * as large: in bytes, it is more than all hosts together ever held.
 */
const MOST_SUM = 1e18;

/** A sample with a larger value is a mistake and is ignored. */
const MOST_SAMPLE = 1e15;

/**
 * SQL: the factor by which the sums in the row `h` have decayed since `faded_at`. It is 1 if the clock was set back, so
 * that `faded_at` lies in the future.
 */
const LEFT_OVER = `
  select case when e.half_lives > ${MOST_HALF_LIVES} then 0 else power(0.5::float8, e.half_lives) end as left_over
  from (select greatest(extract(epoch from clock_timestamp() - h.faded_at)::float8 * 1000 / ${HALF_LIFE_MS}, 0) as half_lives) e`;

const SUMS = ["read_bytes", "read_ms", "write_bytes", "write_ms", "successes", "failures"] as const;

/** SQL: a sum of the row `h`; sums below LEAST_SUM become 0, and sums above MOST_SUM become MOST_SUM. */
const counts = (sum: (typeof SUMS)[number]): string =>
  `(case when h.${sum} < ${LEAST_SUM} then 0 else least(h.${sum}, ${MOST_SUM}) end)`;

/**
 * Adds a worker's measurements to the fleet's sums, in one statement for all hosts. A host whose row another worker is
 * writing at this moment is skipped, so that a thousand workers never wait for each other. Scores are statistics: a
 * lost measurement does no harm. Returns the number of hosts whose measurements were added.
 *
 * Locks rows of host_scores by ascending key and skips locked ones; writes only our own tables.
 */
export async function reportHostScores(sql: ISql, samples: readonly HostSample[]): Promise<number> {
  const said = samples.filter(isSane).slice(0, MAX_SAMPLES);
  if (said.length === 0) return 0;
  const faded = (sum: (typeof SUMS)[number]) => sql.unsafe(`${counts(sum)} * l.left_over`);
  const report = () => sql<{ counted: number }[]>`
    with said as (
      select decode(s."hostKey", 'hex') as host_key, s.*, clock_timestamp() as moment
      from jsonb_to_recordset(${JSON.stringify(said)}::text::jsonb) as s ("hostKey" text, "readBytes" float8, "readMs" float8,
        "writeBytes" float8, "writeMs" float8, successes float8, failures float8, "outOfFunds" boolean, "full" boolean, stored boolean)
    ), locked as (
      select h.host_key, (${sql.unsafe(LEFT_OVER)}) as left_over
      from slabmend.host_scores h
      where h.host_key in (select s.host_key from said s)
      order by h.host_key
      for no key update skip locked
    ), updated as (
      update slabmend.host_scores h set
        read_bytes = ${faded("read_bytes")} + s."readBytes", read_ms = ${faded("read_ms")} + s."readMs",
        write_bytes = ${faded("write_bytes")} + s."writeBytes", write_ms = ${faded("write_ms")} + s."writeMs",
        successes = ${faded("successes")} + s.successes, failures = ${faded("failures")} + s.failures,
        out_of_funds_at = case when s."outOfFunds" then s.moment when s.successes = 0 then h.out_of_funds_at end,
        full_at = case when s."full" then s.moment when not s.stored then h.full_at end,
        faded_at = s.moment
      from locked l join said s on s.host_key = l.host_key
      where h.host_key = l.host_key
      returning 1
    ), inserted as (
      insert into slabmend.host_scores (host_key, read_bytes, read_ms, write_bytes, write_ms, successes, failures,
        out_of_funds_at, full_at, faded_at)
      select s.host_key, s."readBytes", s."readMs", s."writeBytes", s."writeMs", s.successes, s.failures,
        case when s."outOfFunds" then s.moment end, case when s."full" then s.moment end, s.moment
      from said s
      where not exists (select from slabmend.host_scores h where h.host_key = s.host_key)
      order by s.host_key
      on conflict (host_key) do nothing
      returning 1
    )
    select ((select count(*) from updated) + (select count(*) from inserted))::integer as counted`;
  // Not retried after a lost answer, because the samples could count twice.
  const [row] = await retryTransaction("report host scores", async () => await report(), ONLY_CONFLICTS);
  return row!.counted;
}

/**
 * The fleet's scores of all hosts that were ever used, one row per host. A worker that has just started begins with
 * them.
 */
export async function readHostScores(sql: ISql): Promise<readonly SharedHostScore[]> {
  // abs(): if the clock was set back, a stored time may lie in the future; it then counts as if it were equally far in
  // the past.
  const lately = (column: "out_of_funds_at" | "full_at", withinMs: number) =>
    sql`coalesce(abs(extract(epoch from clock_timestamp() - ${sql(`h.${column}`)})) * 1000 < ${withinMs}::float8, false)`;
  const rows = await sql<
    {
      host_key: string;
      read_rate: number | null;
      write_rate: number | null;
      failure_rate: number;
      out_of_funds: boolean;
      is_full: boolean;
    }[]
  >`
    select encode(h.host_key, 'hex') as host_key,
      case when h.read_bytes * f.left_over >= ${LEAST_BYTES}::float8 then h.read_bytes * 1000 / nullif(h.read_ms, 0) end as read_rate,
      case when h.write_bytes * f.left_over >= ${LEAST_BYTES}::float8 then h.write_bytes * 1000 / nullif(h.write_ms, 0) end as write_rate,
      h.failures * f.left_over / ((h.failures + h.successes) * f.left_over + ${ASSUMED_SUCCESSES}::float8) as failure_rate,
      ${lately("out_of_funds_at", FORGET_OUT_OF_FUNDS_AFTER_MS)} as out_of_funds, ${lately("full_at", FORGET_FULL_AFTER_MS)} as is_full
    from (
      select h.host_key, h.out_of_funds_at, h.full_at, h.faded_at, ${sql.unsafe(SUMS.map((sum) => `${counts(sum)} as ${sum}`).join(", "))}
      from slabmend.host_scores h
    ) h
    cross join lateral (${sql.unsafe(LEFT_OVER)}) f
    order by h.host_key`;
  return rows.map((row) => ({
    hostKey: parseHostKey(row.host_key),
    readRate: row.read_rate ?? undefined,
    writeRate: row.write_rate ?? undefined,
    failureRate: row.failure_rate,
    outOfFunds: row.out_of_funds,
    full: row.is_full,
  }));
}

function isSane(sample: HostSample): boolean {
  const { readBytes, readMs, writeBytes, writeMs, successes, failures } = sample;
  return [readBytes, readMs, writeBytes, writeMs, successes, failures].every(
    (value) => value >= 0 && value <= MOST_SAMPLE,
  );
}
