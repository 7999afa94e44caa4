/** The command line's process: gives it the streams, and turns signals into one that can be waited for. */

import { exitCode } from "../lib/cli/command/exit-codes.ts";
import { runCommandLine } from "../lib/cli/command-line.ts";
import { systemClock } from "../lib/clock/clock.ts";

const ending = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  // Those of slabmend.js, for the time until now.
  process.removeAllListeners(name);
  process.on(name, () => {
    // The second one ends the process at once. Not by the system's own handling, which a container's first process does not have.
    if (ending.signal.aborted) process.exit(exitCode("interrupted"));
    ending.abort(new Error(name));
  });
}
// `slabmend status | head -1` is no error.
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
  signal: ending.signal,
});
// Everything is done and printed. What could still keep us is a connection that a silent database never closes.
setTimeout(() => process.stdout.write("", () => process.exit()), 2_000).unref();
