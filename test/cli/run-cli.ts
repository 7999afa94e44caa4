/** Runs the command line in this process with its own streams and environment, and keeps its output. */
import { PassThrough, Readable, Writable } from "node:stream";
import * as v from "valibot";
import { expect } from "vitest";
import { runCommandLine } from "../../lib/cli/command-line.ts";
import { type Clock, systemClock } from "../../lib/clock/clock.ts";
import { REPORTS } from "../../lib/reports/report-schemas.ts";
import { recordTrace } from "../canary/recorder.ts";
import { rememberPhrase } from "../canary/remember-phrase.ts";
import { rememberVariables } from "../canary/remember-variables.ts";

export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** With `--json`: the document on standard output. */
  readonly json: unknown;
  /** With `--json`: the failure on standard error, if any. */
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string } | undefined;
}

export interface CliOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Default: the system's clock. */
  readonly clock?: Clock;
  readonly onOutput?: (text: string) => void;
}

export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  let out = "";
  let err = "";
  const into = (add: (text: string) => void) =>
    new Writable({
      write(chunk, _encoding, done) {
        add(String(chunk));
        done();
      },
    });
  rememberVariables(Object.entries(options.environment ?? {}));
  rememberPhrase(options.input ?? "");
  const stdin = options.input === undefined ? new PassThrough().end() : Readable.from([options.input]);
  const code = await runCommandLine(args, {
    environment: options.environment ?? {},
    stdin,
    stdout: into((text) => {
      out += text;
      options.onOutput?.(text);
    }),
    stderr: into((text) => {
      err += text;
    }),
    clock: options.clock ?? systemClock,
    signal: options.signal ?? new AbortController().signal,
  });
  recordTrace(`stdout of slabmend ${args[0] ?? ""}`, out);
  recordTrace(`stderr of slabmend ${args[0] ?? ""}`, err);
  return {
    code,
    out,
    err,
    get json() {
      const printed: unknown = JSON.parse(out);
      return asDocumented(args, printed);
    },
    get error() {
      const line = err.split("\n").find((text) => text.startsWith('{"error"'));
      return line === undefined ? undefined : JSON.parse(line).error;
    },
  };
}

/** Fails unless the document has exactly the keys of its schema. */
export function asDocumented(args: readonly string[], printed: unknown): unknown {
  const schema = schemaOf(args);
  if (schema !== undefined) expect(v.parse(schema, printed)).toEqual(printed);
  return printed;
}

function schemaOf(args: readonly string[]): v.GenericSchema | undefined {
  if (args.includes("--fingerprint")) return undefined;
  return Object.values(REPORTS).find(({ command }) =>
    command
      ?.split(" ")
      .slice(1)
      .filter((word) => word !== word.toUpperCase())
      .every((word, place) => args[place] === word),
  )?.schema;
}
