import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/**
 * Rows per transaction: a transaction of this size takes tens of milliseconds, and until its end no journal row gets a
 * position.
 */
export const FORGET_ROWS = 1_000;

/**
 * Deletes at most {@link FORGET_ROWS} journal rows: those that every follower has processed and whose repair ended more
 * than `olderThanMs` ago (forget-journal.sql).
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
