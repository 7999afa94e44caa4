import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/** What all repairs together may spend in a day (UTC). A missing field means no limit. */
export interface BudgetLimits {
  readonly hastings?: bigint;
  readonly bytesRead?: bigint;
  /** Number of repairs that moved at least one sector; their outcome does not matter. */
  readonly repairs?: bigint;
}

export type BudgetLimit = keyof BudgetLimits;

export interface BudgetState {
  /** The limits reached today. If any limit is reached, only slabs in danger are leased until midnight (UTC). */
  readonly stoppedBy: readonly BudgetLimit[];
  /** How many more slabs that are not in danger may be leased; null: no limit. */
  readonly ordinaryLeases: number | null;
}

/** The largest value of PostgreSQL's type `integer`, which stores the number of leases. The fleet never has as many. */
const MOST_LEASES = 2 ** 31 - 1;

const UNLIMITED: BudgetState = { stoppedBy: [], ordinaryLeases: null };

/**
 * Compares the work since midnight UTC and the present leases with the limits, and stores the result for metrics and
 * status (`slabmend.budget`). A repair counts as soon as its slab is leased. Its money and bytes count only when it
 * ends, so the repairs in progress may exceed those two limits.
 *
 * Reads the hourly totals of a day, the journal rows not yet in the totals (lib/database/journal/work-since.sql), and
 * all leases.
 */
export async function checkBudget(sql: ISql, limits: BudgetLimits): Promise<BudgetState> {
  return await retryTransaction("check the budget", () => checkOnce(sql, limits), BRIEFLY);
}

async function checkOnce(sql: ISql, limits: BudgetLimits): Promise<BudgetState> {
  const asText = JSON.stringify(limits, (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  if (asText === "{}") {
    await sql`
      update slabmend.budget set limits = '{}', spent = '{}', stopped_by = '{}', stopped_since = null
      where limits <> '{}' or stopped_by <> '{}'`;
    return UNLIMITED;
  }
  const [row] = await sql<{ stopped_by: BudgetLimit[]; repairs_left: string | null }[]>`
    with said as (
      select ${asText}::text::jsonb as limits
    ), spent as (
      select w.hastings, w.bytes_read, w.moving_jobs as repairs
      from slabmend.work_since(date_trunc('day', clock_timestamp(), 'UTC')) w
    ), decided as (
      select s.*, said.limits, (said.limits->>'repairs')::numeric - s.repairs as repairs_left,
        array_remove(array[
          case when s.hastings >= (said.limits->>'hastings')::numeric then 'hastings' end,
          case when s.bytes_read >= (said.limits->>'bytesRead')::numeric then 'bytesRead' end,
          case when s.repairs >= (said.limits->>'repairs')::numeric then 'repairs' end
        ], null) as stopped_by
      from spent s, said
    ), written as (
      update slabmend.budget b set
        limits = d.limits,
        spent = jsonb_build_object('hastings', d.hastings::text, 'bytesRead', d.bytes_read::text, 'repairs', d.repairs),
        stopped_since = case
          when d.stopped_by = '{}' then null
          when b.stopped_by = d.stopped_by then coalesce(b.stopped_since, clock_timestamp())
          else clock_timestamp() end,
        stopped_by = d.stopped_by, checked_at = clock_timestamp()
      from decided d
    )
    select to_jsonb(d.stopped_by) as stopped_by,
      greatest(d.repairs_left - (select count(*) from slabmend.leases), 0)::text as repairs_left
    from decided d`;
  const { stopped_by: stoppedBy, repairs_left: left } = row!;
  // Tests the limit itself: without a limit on repairs `left` is 0, not null, because greatest() ignores nulls.
  const ordinaryLeases = limits.repairs === undefined ? null : Math.min(Number(left), MOST_LEASES);
  return { stoppedBy, ordinaryLeases: stoppedBy.length > 0 ? 0 : ordinaryLeases };
}
