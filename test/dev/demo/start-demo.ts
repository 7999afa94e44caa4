/**
 * The demo as a user runs it: in its own process, with its own temporary folder, which the test can inspect afterwards.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect } from "vitest";
import { isAlive } from "../../../dev/process/run-folder.ts";
import { untilEqual } from "../../support/until.ts";

const DEMO = fileURLToPath(new URL("../../../bin/demo.ts", import.meta.url));
export const SMALL = [
  "--slabs",
  "2",
  "--hosts",
  "10",
  "--min-shards",
  "3",
  "--total-shards",
  "6",
  "--dead",
  "1",
];
export const DAMAGE = ["--blocked", "1", "--bad-contracts", "0", "--lost-sectors", "2", "--liars", "1"];
export const SLOW_MS = 300_000;

export interface Demo {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  /** Resolves with the first line that matches. */
  line(pattern: RegExp): Promise<string>;
}

let folder: string;

/** Creates a folder for each test of the file and removes it afterwards. @returns a function that gives its path */
export function useDemoFolder(): () => string {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "slabmend-demo-test-"));
    // PostgreSQL may run as another user when we are root.
    await chmod(folder, 0o755);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  return () => folder;
}

export function startDemo(...arguments_: string[]): Demo {
  const child = spawn(process.execPath, [DEMO, ...arguments_], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] ?? "", TMPDIR: folder },
  });
  const lines = { out: [] as string[], err: [] as string[] };
  const waiting: { pattern: RegExp; resolve: (line: string) => void }[] = [];
  const readers = (["out", "err"] as const).map((name) => {
    const reader = createInterface({ input: child[`std${name}`]! });
    reader.on("line", (line) => {
      lines[name].push(line);
      for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve(line);
    });
    return once(reader, "close");
  });
  const ended = Promise.all([once(child, "exit"), ...readers]).then(([[code]]) => ({
    code: code as number | null,
    out: lines.out.join("\n"),
    err: lines.err.join("\n"),
  }));
  return {
    child,
    ended,
    async line(pattern) {
      const found = new Promise<string>((resolve) => waiting.push({ pattern, resolve }));
      const tooEarly = ended.then(({ out, err }) => {
        throw new Error(`ended before ${pattern}:\n${out}\n${err}`);
      });
      return Promise.race([found, tooEarly]);
    },
  };
}

export async function expectNothingLeft(pids: readonly number[]): Promise<void> {
  expect(pids.length).toBeGreaterThan(3);
  await untilEqual(() => pids.filter(isAlive), []);
  await untilEqual(() => readdir(folder), []);
}
