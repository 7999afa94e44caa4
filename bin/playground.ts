/** `npm run playground`: see dev/playground/run-playground.ts. Exit code 0 after quit, 2 for wrong options. */

import { DemoError } from "../dev/demo/demo-error.ts";
import { parsePlaygroundOptions } from "../dev/playground/playground-options.ts";
import { runPlayground } from "../dev/playground/run-playground.ts";
import { onInterruption } from "../dev/process/interruption.ts";
import { SlabmendError } from "../lib/errors/slabmend-error.ts";

const interrupted = new AbortController();
let exitCode = 0;

try {
  const options = parsePlaygroundOptions(process.argv.slice(2));
  if (options !== undefined) {
    onInterruption((code) => {
      exitCode = code;
      interrupted.abort(new Error("interrupted"));
    });
    await runPlayground(options, {
      stdin: process.stdin,
      stdout: process.stdout,
      signal: interrupted.signal,
    });
    process.stdout.write("everything was stopped and removed\n");
  }
} catch (error) {
  if (interrupted.signal.aborted) {
    process.stderr.write("interrupted; everything was stopped and removed\n");
  } else {
    exitCode = error instanceof DemoError && error.code !== "no-disk-space" ? 2 : 1;
    process.stderr.write(`${describe(error)}\n`);
  }
}
process.exitCode = exitCode;
// An open standard input would keep the process running.
process.stdin.unref?.();

function describe(error: unknown): string {
  if (error instanceof SlabmendError) return `${error.message}\n${error.remedy}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
