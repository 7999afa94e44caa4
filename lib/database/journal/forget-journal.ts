import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/** Rows per transaction: tens of milliseconds, during which no row gets its position. */
export const FORGET_ROWS = 1_000;

/**
 * Deletes journal rows, at most {@link FORGET_ROWS}, that ended longer ago than this and that every follower has processed:
 * forget-journal.sql.
 * @returns the number of deleted rows
 */
export async function forgetJournal(sql: ISql, olderThanMs: number): Promise<number> {
  const forget = async (): Promise<number> => {
    const [row] = await sql<{ forgotten: number }[]>`
      select slabmend.forget_journal(
        clock_timestamp() - make_interval(secs => ${olderThanMs}::double precision / 1000), ${FORGET_ROWS}::integer
      ) as forgotten`;
    return row!.forgotten;
  };
  return await retryTransaction("forget the journal", forget, BRIEFLY);
}
