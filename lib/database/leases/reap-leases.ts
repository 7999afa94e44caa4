import type { ISql } from "postgres";
import { type RetryOptions, retryTransaction } from "../client/retry-transaction.ts";

export interface ExpiredLeaseRow {
  /** The id is kept as text, because it is only passed back to the database. */
  readonly slabId: string;
  readonly token: string;
  readonly running: boolean;
  readonly crashes: number;
  readonly othersSucceed: boolean;
}

/**
 * Expired leases, oldest first, with the data to decide about them. Takes no locks, because reap_leases checks each
 * lease again.
 *
 * Reads all of leases (one row per lease, and the fleet limits its leases), and repairs by primary key. To know for
 * each lease whether repairs of other slabs succeed, it searches the journal for the latest successful repairs of two
 * different slabs: at most one of the two is the lease's own slab. The search covers the last `successWindowMs`, at
 * most twice, backwards by journal_finished_at_idx. It is made once for all leases: in a busy journal without a
 * success, a search for each lease would read all these rows each time.
 */
export async function listExpiredLeases(
  sql: ISql,
  options: { readonly successWindowMs: number; readonly limit: number },
): Promise<ExpiredLeaseRow[]> {
  // A repair that moved something shows that workers can work, even if it ended badly. A repair that seems to have
  // ended in the future, because the clock was set back since, proves nothing about the time window. clock_timestamp()
  // stands in a subquery, because the column's index would not be used if the column were compared with this volatile
  // function directly.
  const succeeded = sql`
    j.finished_at > (select clock_timestamp()) - make_interval(secs => ${options.successWindowMs}::double precision / 1000)
      and j.finished_at <= (select clock_timestamp())
      and (j.moves <> '[]' or j.outcome in ('repaired', 'partial-deadline', 'partial-dropped', 'partial-refused'))`;
  return await sql<ExpiredLeaseRow[]>`
    with latest as materialized (
      select j.slab_id from slabmend.journal j where ${succeeded} order by j.finished_at desc limit 1
    ), before as materialized (
      select j.slab_id from slabmend.journal j
      where ${succeeded} and j.slab_id <> (select y.slab_id from latest y)
      order by j.finished_at desc limit 1
    ), lately as materialized (
      select y.slab_id from latest y union all select b.slab_id from before b
    )
    select l.slab_id::text as "slabId", l.token::text as token, l.began_at is not null as running,
      coalesce(r.crashes, 0) as crashes,
      exists (select from lately y where y.slab_id <> l.slab_id) as "othersSucceed"
    from slabmend.leases l
    left join slabmend.repairs r on r.slab_id = l.slab_id
    where l.expires_at <= clock_timestamp()
    order by l.expires_at
    limit ${options.limit}::integer`;
}

export interface ReapDecision extends Pick<ExpiredLeaseRow, "slabId" | "token" | "running"> {
  readonly kind: "free" | "crash" | "quarantine";
  readonly delayMs: number;
  readonly quarantineMs?: number;
  readonly why?: string;
}

export interface ReapCounts {
  readonly freed: number;
  readonly crashed: number;
  /** How many of the crashed leases' slabs were quarantined. */
  readonly quarantined: number;
  /** indexd has taken or deleted the slab: only our lease was removed. */
  readonly taken: number;
}

/**
 * Ends leases as decided, but only those that are still expired and not locked: lib/database/leases/reap-leases.sql. A
 * call whose answer was lost may be repeated: leases that it has ended are skipped.
 */
export async function reapLeases(
  sql: ISql,
  decisions: readonly ReapDecision[],
  retry: RetryOptions = {},
): Promise<ReapCounts> {
  const encoded = JSON.stringify({ decisions });
  return await retryTransaction(
    "reap",
    async () => {
      const [row] = await sql<{ result: ReapCounts }[]>`
        select slabmend.reap_leases(${encoded}::text::jsonb) as result`;
      return row!.result;
    },
    retry,
  );
}
