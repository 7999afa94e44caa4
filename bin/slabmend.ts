/** The command line's process: gives it the streams, and turns signals into one that can be waited for. */

import { runCommandLine } from "../lib/cli/command-line.ts";
import { systemClock } from "../lib/clock/clock.ts";

const ending = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  // The second one ends the process at once, as without us.
  process.once(name, () => ending.abort(new Error(name)));
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
