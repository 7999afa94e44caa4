/** Runs the command line with the process's streams, and ends the process. */

import { runCommandLine } from "../lib/cli/command-line.ts";
import { systemClock } from "../lib/clock/clock.ts";

/** @param signal aborts when the process should end */
export async function run(signal: AbortSignal): Promise<void> {
  // A closed pipe, as with `slabmend status | head -1`, is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  process.exitCode = await runCommandLine(process.argv.slice(2), {
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    signal,
  });
  // Everything is done and printed. Only a connection that a silent database never closes could keep the process
  // running.
  setTimeout(() => process.stdout.write("", () => process.exit()), 2_000).unref();
}
