/** When to restart a supervised process that ended by itself. Pure. */

export interface RestartDecision {
  /** How often in a row, including now, the process ended soon after its start. */
  readonly failures: number;
  readonly delayMs: number;
  /** The process repeatedly ends soon after its start: another restart will hardly help. */
  readonly isCrashLooping: boolean;
}

/** If a process ran for this long, its start was successful: its end has nothing to do with earlier ends. */
export const STEADY_AFTER_MS = 60_000;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
const CRASH_LOOP_FAILURES = 4;

/**
 * The first restart is immediate, because one bad repair may be the cause. The next restarts wait 1 s, 2 s, 4 s and so
 * on, up to a minute.
 * @param failures from the previous decision; 0: there was no previous decision
 * @param livedMs time from the process's start to its end
 */
export function decideRestart(failures: number, livedMs: number): RestartDecision {
  const inRow = livedMs >= STEADY_AFTER_MS ? 1 : failures + 1;
  const delayMs = inRow === 1 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** Math.min(inRow - 2, 10), LONGEST_DELAY_MS);
  return { failures: inRow, delayMs, isCrashLooping: inRow >= CRASH_LOOP_FAILURES };
}
