import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/** Rows of one transaction: some 200 ms, during which another sequencer waits. */
export const SEQUENCE_ROWS = 10_000;

/**
 * Gives the next committed rows of the journal, at most {@link SEQUENCE_ROWS}, their place in the stream: sequence-journal.sql.
 * @returns how many got one
 */
export async function sequenceJournal(sql: ISql): Promise<number> {
  const sequence = async (): Promise<number> => {
    const [row] = await sql<{ given: number }[]>`
      select slabmend.sequence_journal(${SEQUENCE_ROWS}::integer) as given`;
    return row!.given;
  };
  return await retryTransaction("sequence the journal", sequence, BRIEFLY);
}
