import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";
import { joinJournal } from "./followers.ts";

/** Rows per transaction: a transaction of this size takes some 100 ms. */
export const TOTALS_ROWS = 2_000;

/**
 * Adds the next rows of the journal, at most {@link TOTALS_ROWS}, to the hourly sums: follow-totals.sql.
 * @returns the number of rows added
 */
export async function followTotals(sql: ISql): Promise<number> {
  const follow = async (): Promise<number> => {
    await joinJournal(sql, "totals");
    const [row] = await sql<{ added: number }[]>`
      select slabmend.follow_totals(${TOTALS_ROWS}::integer) as added`;
    return row!.added;
  };
  return await retryTransaction("sum the journal", follow, BRIEFLY);
}
