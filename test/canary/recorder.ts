/**
 * Records the running test file's secrets and the output of the code under test. The watch-*.ts files record secrets
 * and output where they occur, so that tests need no code for this; setup.ts searches the record at the end of the test
 * file. A child process (preload.ts) writes its record to a folder that the test process reads.
 */
import { appendFileSync, chmodSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Secret, Trace } from "./search-secrets.ts";

/** A line of a child's file. All parts of one stream have the same `trace`. */
type Line =
  | { readonly secret: string; readonly bytes: string }
  | { readonly trace: string; readonly where: string; readonly bytes: string };

/** Output that arrives in parts, such as a process's: a secret may span two parts. */
export interface OpenTrace {
  add(part: string | Uint8Array): void;
}

interface GrowingTrace {
  /** The place, with the name of the test during which the output began, if a test was running. */
  readonly where: string;
  readonly parts: Buffer[];
}

const secrets = new Map<string, Secret>();
const traces: GrowingTrace[] = [];
const known = new Set<string>();
/** In a child: the folder that it writes to. */
let ownFolder: string | undefined;
/** In a test's process: the folder that its children write to. */
let theirFolder: string | undefined;
let lastId = 0;
let test: string | undefined;

/** Sets the test whose name is added to the places of later traces; undefined if no test runs. */
export function recordTest(name: string | undefined): void {
  test = name;
}

/** For a child process: writes everything to a file in this folder from now on. */
export function recordInto(folder: string): void {
  ownFolder = folder;
}

/** From now on {@link recorded} includes the files that child processes write to this folder. */
export function recordChildrenIn(folder: string): void {
  // A child may run as another user.
  chmodSync(folder, 0o777);
  theirFolder = folder;
}

/** Records a secret; repetitions are allowed. */
export function recordSecret(name: string, bytes: Uint8Array | string, pieces?: readonly Uint8Array[]): void {
  const copy = Buffer.from(bytes as Uint8Array);
  const key = copy.toString("hex");
  if (copy.length === 0 || secrets.has(key)) return;
  secrets.set(key, { name, bytes: copy, ...(pieces === undefined ? {} : { pieces }) });
  write({ secret: name, bytes: key });
}

/** Records output of the code under test. */
export function recordTrace(where: string, text: string | Uint8Array): void {
  openTrace(where).add(text);
}

/** Records output that may be repeated, such as a row that is read after each test, but keeps it only once. */
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

/** All records of this process and its children so far. */
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
    // The folder is removed when the test file ends; later output of surviving processes is ignored.
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

function* linesOf(folder: string): Generator<Line> {
  for (const name of readdirSync(folder)) {
    for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
      // The last line of a killed process may be incomplete.
      if (line.endsWith("}")) yield JSON.parse(line) as Line;
    }
  }
}
