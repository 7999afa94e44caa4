/**
 * `npm run demo`: see dev/demo/run-demo.ts. Exit code 0 if everything repairable was repaired, 1 with reasons
 * otherwise, 2 for wrong options, 3 without pg_dump.
 */

import { DemoError } from "../dev/demo/demo-error.ts";
import { parseDemoOptions } from "../dev/demo/demo-options.ts";
import { paintWith } from "../dev/demo/draw-run.ts";
import { createProgress } from "../dev/demo/progress.ts";
import { runDemo } from "../dev/demo/run-demo.ts";
import { runIndexersDemo } from "../dev/indexers/run-indexers-demo.ts";
import { onInterruption } from "../dev/process/interruption.ts";
import { SlabmendError } from "../lib/errors/slabmend-error.ts";

const USAGE: ReadonlySet<string> = new Set(["usage", "invalid-options"]);
const VERDICT_COLOURS = { passed: "green", partly: "yellow", failed: "red" } as const;
const interrupted = new AbortController();
let exitCode = 0;

try {
  const options = parseDemoOptions(process.argv.slice(2));
  if (options !== undefined) {
    const out = options.json ? process.stderr : process.stdout;
    onInterruption((code) => {
      exitCode = code;
      interrupted.abort(new Error("interrupted"));
    });
    const colours = out.isTTY === true && process.env["NO_COLOR"] === undefined;
    const { signal } = interrupted;
    const progress = createProgress(out);
    const { summary, failures, verdict } =
      options.indexers > 1
        ? await runIndexersDemo(options, { progress, signal })
        : await runDemo(options, { progress, colours, signal });
    for (const failure of failures) out.write(`FAILED: ${failure}\n`);
    // The last line, after everything was stopped.
    out.write(`${paintWith(colours)(verdict.sentence, VERDICT_COLOURS[verdict.kind])}\n`);
    if (failures.length > 0) exitCode = 1;
    if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  }
} catch (error) {
  if (interrupted.signal.aborted) {
    process.stderr.write("interrupted; everything was stopped\n");
  } else {
    exitCode = error instanceof DemoError ? exitCodeOf(error) : 1;
    process.stderr.write(`${describe(error)}\n`);
  }
}
process.exitCode = exitCode;

function exitCodeOf({ code }: DemoError): number {
  if (code === "no-pg-dump") return 3;
  return USAGE.has(code) ? 2 : 1;
}

function describe(error: unknown): string {
  if (error instanceof SlabmendError) return `${error.message}\n${error.remedy}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
