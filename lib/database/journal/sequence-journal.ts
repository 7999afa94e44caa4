import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/** Rows per transaction: a transaction of this size takes some 200 ms, and any other sequencer waits for its end. */
export const SEQUENCE_ROWS = 10_000;

/**
 * Gives the next committed journal rows, at most {@link SEQUENCE_ROWS}, their position in the stream:
 * sequence-journal.sql.
 * @returns the number of rows that got a position
 */
export async function sequenceJournal(sql: ISql): Promise<number> {
  const sequence = async (): Promise<number> => {
    const [row] = await sql<{ given: number }[]>`
      select slabmend.sequence_journal(${SEQUENCE_ROWS}::integer) as given`;
    return row!.given;
  };
  return await retryTransaction("sequence the journal", sequence, BRIEFLY);
}
