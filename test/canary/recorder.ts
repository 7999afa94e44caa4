/**
 * What the running test file has of secrets, and what has left the code under test. The watch-*.ts files beside this one
 * fill it from where secrets are used and where things leave, so that a test has nothing to remember; setup.ts searches it
 * at the end of the file. In a child process (preload.ts) it is written to a folder that its test process reads.
 */
import { appendFileSync, chmodSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Secret, Trace } from "./search-secrets.ts";

/** A line of a child's file. A stream is written piece by piece: its parts have one id. */
type Line =
  | { readonly secret: string; readonly bytes: string }
  | { readonly trace: string; readonly where: string; readonly bytes: string };

/** What is written piece by piece, such as a process's output: a secret may straddle two pieces. */
export interface OpenTrace {
  add(part: string | Uint8Array): void;
}

interface GrowingTrace {
  /** With the test that it belongs to, if that is known. */
  readonly where: string;
  readonly parts: Buffer[];
}

const secrets = new Map<string, Secret>();
const traces: GrowingTrace[] = [];
const known = new Set<string>();
/** Of a child: where it writes. */
let ownFolder: string | undefined;
/** Of a test's process: where its children write. */
let theirFolder: string | undefined;
let lastId = 0;
let test: string | undefined;

/** Traces name the test in which they began; undefined: none runs. */
export function recordTest(name: string | undefined): void {
  test = name;
}

/** From now on everything goes to a file in this folder; for a child process. */
export function recordInto(folder: string): void {
  ownFolder = folder;
}

/** From now on what children of this process write to this folder counts too. */
export function recordChildrenIn(folder: string): void {
  // A child may be another user's.
  chmodSync(folder, 0o777);
  theirFolder = folder;
}

/** Remembers a secret; the same one may be told again. */
export function recordSecret(name: string, bytes: Uint8Array | string, pieces?: readonly Uint8Array[]): void {
  const copy = Buffer.from(bytes as Uint8Array);
  const key = copy.toString("hex");
  if (copy.length === 0 || secrets.has(key)) return;
  secrets.set(key, { name, bytes: copy, ...(pieces === undefined ? {} : { pieces }) });
  write({ secret: name, bytes: key });
}

/** Remembers something that has left the code under test. */
export function recordTrace(where: string, text: string | Uint8Array): void {
  openTrace(where).add(text);
}

/** The same for what is often there again, such as a row after each test; it is kept once. */
export function recordOnce(where: string, text: string): void {
  const key = `${where}\0${text}`;
  if (known.has(key)) return;
  known.add(key);
  recordTrace(where, text);
}

export function openTrace(where: string): OpenTrace {
  const trace: GrowingTrace = { where: test === undefined ? where : `${where}, in "${test}"`, parts: [] };
  lastId += 1;
  const id = `${process.pid}/${lastId}`;
  if (ownFolder === undefined) traces.push(trace);
  return {
    add(part) {
      const bytes = Buffer.from(part as Uint8Array);
      if (ownFolder === undefined) trace.parts.push(bytes);
      else write({ trace: id, where, bytes: bytes.toString("base64") });
    },
  };
}

export interface Recorded {
  readonly secrets: readonly Secret[];
  readonly traces: readonly Trace[];
}

/** Everything of this process and of its children until now. */
export function recorded(): Recorded {
  const all = [...traces];
  const theirs = new Map<string, GrowingTrace>();
  for (const line of theirFolder === undefined ? [] : linesOf(theirFolder)) {
    if ("secret" in line) {
      recordSecret(line.secret, Buffer.from(line.bytes, "hex"));
      continue;
    }
    const trace = theirs.get(line.trace) ?? { where: line.where, parts: [] };
    theirs.set(line.trace, trace);
    trace.parts.push(Buffer.from(line.bytes, "base64"));
  }
  all.push(...theirs.values());
  return {
    secrets: [...secrets.values()],
    traces: all.map(({ where, parts }) => ({ where, text: Buffer.concat(parts) })),
  };
}

function write(line: Line): void {
  if (ownFolder === undefined) return;
  try {
    appendFileSync(join(ownFolder, `${process.pid}.jsonl`), `${JSON.stringify(line)}\n`);
  } catch (error) {
    // The folder is gone with the test file; whoever outlives it is not looked at any more.
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

function* linesOf(folder: string): Generator<Line> {
  for (const name of readdirSync(folder)) {
    for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
      // The last line of a process that was killed may be half of one.
      if (line.endsWith("}")) yield JSON.parse(line) as Line;
    }
  }
}
