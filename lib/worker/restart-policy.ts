/** When a supervised process is started again after it ended by itself. Pure. */

export interface RestartDecision {
  /** Ends soon after a start, in a row, this one included. */
  readonly failures: number;
  readonly delayMs: number;
  /** It ends again and again soon after it starts: starting it once more will hardly help. */
  readonly isCrashLooping: boolean;
}

/** A process that lived for this long did work: its end has nothing to do with the one before. */
export const STEADY_AFTER_MS = 60_000;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
const CRASH_LOOP_FAILURES = 4;

/**
 * The first end is answered at once, because it may be one bad repair; the following ones wait 1 s, doubling to a minute.
 * @param failures of the decision before; 0: there was none
 * @param livedMs from its start to its end
 */
export function decideRestart(failures: number, livedMs: number): RestartDecision {
  const inRow = livedMs >= STEADY_AFTER_MS ? 1 : failures + 1;
  const delayMs = inRow === 1 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** Math.min(inRow - 2, 10), LONGEST_DELAY_MS);
  return { failures: inRow, delayMs, isCrashLooping: inRow >= CRASH_LOOP_FAILURES };
}
