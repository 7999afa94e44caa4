import type { Ask } from "../../database/client/deadline-client.ts";
import { followTotals, TOTALS_ROWS } from "../../database/journal/follow-totals.ts";
import { FORGET_ROWS, forgetJournal } from "../../database/journal/forget-journal.ts";
import { SEQUENCE_ROWS, sequenceJournal } from "../../database/journal/sequence-journal.ts";

/** Points at which kill tests end the process. */
export type JournalStep = "journal-sequenced" | "totals-followed" | "journal-forgotten";

export interface JournalReport {
  readonly sequenced: number;
  /** Rows added to the hourly sums. */
  readonly summed: number;
  readonly forgotten: number;
}

/**
 * Assigns positions to the journal's rows, adds them to the sums, and deletes rows that are old enough and that all
 * followers have processed. Works batch by batch until nothing is left or the time is up.
 */
export async function followJournal(
  deps: { readonly ask: Ask; readonly step?: (name: JournalStep) => void | Promise<void> },
  settings: { readonly keepJournalMs: number },
  timeIsUp: () => boolean,
): Promise<JournalReport> {
  const { ask, step } = deps;
  const repeat = async (name: JournalStep, batch: number, run: () => Promise<number>): Promise<number> => {
    let total = 0;
    for (let done = batch; done === batch && !timeIsUp(); total += done) {
      done = await run();
      if (done > 0) await step?.(name);
    }
    return total;
  };
  const sequenced = await repeat("journal-sequenced", SEQUENCE_ROWS, () => ask(sequenceJournal));
  const summed = await repeat("totals-followed", TOTALS_ROWS, () => ask(followTotals));
  const forgotten = await repeat("journal-forgotten", FORGET_ROWS, () =>
    ask((sql) => forgetJournal(sql, settings.keepJournalMs)),
  );
  return { sequenced, summed, forgotten };
}
