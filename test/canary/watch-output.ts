/**
 * Records the output of the code under test in this process: log lines to any destination, the console, standard output
 * and standard error.
 */
import { subscribe } from "node:diagnostics_channel";
import { formatWithOptions } from "node:util";
import { openTrace, recordTrace } from "./recorder.ts";

/** Call it once, after vitest has put its own console in place. */
export function watchOutput(): void {
  // pino publishes every line of all its loggers here.
  subscribe("tracing:pino_asJson:end", (message) => {
    recordTrace("log line", String((message as { result?: unknown }).result));
  });
  for (const name of ["stdout", "stderr"] as const) {
    const stream = process[name];
    const trace = openTrace(`${name} of the test's process`);
    const write = stream.write as (...args: unknown[]) => boolean;
    stream.write = (...args: unknown[]) => {
      if (typeof args[0] === "string" || args[0] instanceof Uint8Array) trace.add(args[0]);
      return write.apply(stream, args);
    };
  }
  for (const name of ["log", "info", "warn", "error", "debug", "trace", "dir"] as const) {
    const print = console[name] as (...args: unknown[]) => void;
    console[name] = (...args: unknown[]) => {
      recordTrace(`console.${name}`, formatWithOptions({ maxStringLength: null }, ...args));
      print.apply(console, args);
    };
  }
}
