/**
 * The child's side of kill tests: a `step` callback that records every step in a file and, at the chosen step, sends
 * this process a signal. A module that tests run in its own process passes this callback to its handler:
 *
 * ```ts
 * export const handler = createClaimHandler({ step: stepFromEnvironment() });
 * ```
 */
import { appendFileSync } from "node:fs";
import { flushCompileCache } from "node:module";

export const STEP_VARIABLES = {
  /** File that gets one line for each step. */
  file: "SLABMEND_TEST_STEPS_FILE",
  /** "name:occurrence:signal", occurrences counted from 1. */
  signalAt: "SLABMEND_TEST_SIGNAL_AT",
} as const;

export function stepFromEnvironment(environment: NodeJS.ProcessEnv = process.env): (name: string) => void {
  const file = environment[STEP_VARIABLES.file];
  const [chosen, occurrence = "1", signal = "SIGKILL"] = (environment[STEP_VARIABLES.signalAt] ?? "").split(
    ":",
  );
  const counts = new Map<string, number>();
  // Node.js would write the compile cache at exit, but most of these processes are killed before they exit.
  flushCompileCache();
  return (name) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    // Synchronous, because the process may be killed at once.
    if (file !== undefined) appendFileSync(file, `${name}\n`);
    if (name === chosen && count === Number(occurrence)) process.kill(process.pid, signal);
  };
}
