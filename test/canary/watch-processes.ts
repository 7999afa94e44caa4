/**
 * Records every child process: its command line, its output, the messages over its channel, and the secrets in its
 * environment.
 */
import { ChildProcess } from "node:child_process";
import { basename } from "node:path";
import type { Readable } from "node:stream";
import { describeValue } from "./describe-value.ts";
import { type OpenTrace, openTrace, recordTrace } from "./recorder.ts";
import { rememberVariables } from "./remember-variables.ts";

export interface ProcessWatch {
  /** The URL of preload.ts, which each Node.js child loads first. The URL names the folder for the child's record. */
  readonly preload: string;
  /** Whether output that a child would write directly to this process's streams is read first and then passed on. */
  readonly readsInherited: boolean;
}

/** The options of `ChildProcess.prototype.spawn`, which spawn(), fork(), exec() and execFile() all call. */
interface SpawnOptions {
  file: string;
  args: string[];
  envPairs?: string[];
  stdio?: unknown;
}

type Spawn = (this: ChildProcess, options: SpawnOptions) => unknown;

/**
 * The runs that test this search leak on purpose. These runs search their own output, and the secrets that they leak
 * are not secrets of the test that starts them.
 */
const LEAKS_ON_PURPOSE = /test\/canary\/fixtures\/vitest\.config\.ts$/;

/**
 * Tests start hundreds of functions' processes. These processes start no others and serve nothing, so all their output
 * is seen here, without preload.ts.
 */
const NEEDS_NO_PRELOAD = /dev\/aws\/function-process\.ts$/;

/** Call it once. */
export function watchProcesses({ preload, readsInherited }: ProcessWatch): void {
  const prototype = ChildProcess.prototype as unknown as { spawn: Spawn };
  const spawn = prototype.spawn;
  prototype.spawn = function (options) {
    if (options.args.some((argument) => LEAKS_ON_PURPOSE.test(argument))) return spawn.call(this, options);
    const name = nameOf(options);
    recordTrace(`command line of ${name}`, options.args.join("\n"));
    rememberVariables((options.envPairs ?? []).map((pair) => splitOnce(pair, "=")));
    if (
      options.file === process.execPath &&
      !options.args.some((argument) => NEEDS_NO_PRELOAD.test(argument))
    ) {
      options.args.splice(1, 0, `--import=${preload}`);
    }
    const inherited = readsInherited ? readInherited(options) : [];
    const result = spawn.call(this, options);
    watchOutput(this, name, inherited);
    watchChannel(this, name);
    return result;
  };
}

/** Names a process by its program and subcommand: `slabmend derive-seed`. */
function nameOf({ file, args }: SpawnOptions): string {
  const at =
    file === process.execPath ? args.findIndex((argument, n) => n > 0 && !argument.startsWith("-")) : 0;
  const [program = file, command = ""] = at === 0 ? [file] : args.slice(at);
  const name = basename(program).replace(/\.[jt]s$/, "");
  return /^[a-z]+(-[a-z]+)*$/.test(command) ? `${name} ${command}` : name;
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return [text.slice(0, at), text.slice(at + 1)];
}

const OUTPUTS = ["stdout", "stderr"] as const;
type Output = (typeof OUTPUTS)[number];

/** Replaces inherited streams by pipes, and returns the names of these streams. */
function readInherited(options: SpawnOptions): Output[] {
  const stdio =
    typeof options.stdio === "string" ? [options.stdio, options.stdio, options.stdio] : options.stdio;
  if (!Array.isArray(stdio)) return [];
  const inherited = OUTPUTS.filter((_, at) => stdio[at + 1] === "inherit" || stdio[at + 1] === at + 1);
  options.stdio = stdio.map((kind: unknown, at) =>
    OUTPUTS[at - 1] !== undefined && inherited.includes(OUTPUTS[at - 1]!) ? "pipe" : kind,
  );
  return inherited;
}

function watchOutput(child: ChildProcess, name: string, inherited: readonly Output[]): void {
  for (const output of OUTPUTS) {
    const stream = child[output] as Readable | null | undefined;
    if (stream === null || stream === undefined) continue;
    tap(stream, openTrace(`${output} of ${name}`));
    if (inherited.includes(output)) stream.pipe(process[output], { end: false });
  }
}

/** Copies a stream's data without consuming it, so that its readers still get everything. */
export function tap(stream: Readable, trace: OpenTrace): void {
  const push = stream.push;
  stream.push = function (chunk: unknown, encoding) {
    if (typeof chunk === "string" || chunk instanceof Uint8Array) trace.add(chunk);
    return push.call(this, chunk, encoding);
  };
}

function watchChannel(child: ChildProcess, name: string): void {
  const { emit, send } = child as {
    emit: (...args: unknown[]) => boolean;
    send?: (...args: unknown[]) => boolean;
  };
  Object.assign(child, {
    emit(...args: unknown[]) {
      if (args[0] === "message") recordTrace(`message from ${name}`, describeValue(args[1]));
      return emit.apply(child, args);
    },
    ...(send === undefined
      ? {}
      : {
          send(...args: unknown[]) {
            recordTrace(`message to ${name}`, describeValue(args[0]));
            return send.apply(child, args);
          },
        }),
  });
}
