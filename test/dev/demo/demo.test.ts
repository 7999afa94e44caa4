/** The demo as a user runs it: a process of its own, with a temporary folder of its own to look into afterwards. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isAlive } from "../../../dev/process/run-folder.ts";
import { recorded } from "../../canary/recorder.ts";
import { untilEqual } from "../../support/until.ts";

const DEMO = fileURLToPath(new URL("../../../bin/demo.ts", import.meta.url));
const SMALL = ["--slabs", "2", "--hosts", "10", "--min-shards", "3", "--total-shards", "6", "--dead", "1"];
const DAMAGE = ["--blocked", "1", "--bad-contracts", "0", "--lost-sectors", "2", "--liars", "1"];
const SLOW_MS = 300_000;

interface Demo {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  /** Resolves with the first line that matches. */
  line(pattern: RegExp): Promise<string>;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slabmend-demo-test-"));
  // PostgreSQL may run as another user when we are root.
  await chmod(folder, 0o755);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function startDemo(...arguments_: string[]): Demo {
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

/** Every process that came from this one: database, hosts, workers, guards. */
async function descendantsOf(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid="]);
  const processes = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) for (const [child, of] of processes) if (of === parent) found.push(child!);
  return found.slice(1);
}

async function expectNothingLeft(pids: readonly number[]): Promise<void> {
  expect(pids.length).toBeGreaterThan(3);
  await untilEqual(() => pids.filter(isAlive), []);
  await untilEqual(() => readdir(folder), []);
}

/** Everything that the demo and its processes let out is searched for secrets, as in every file (test/canary): it is there. */
function expectSearched(): void {
  const { secrets, traces } = recorded();
  const names = new Set(secrets.map(({ name }) => name));
  expect([...names].sort()).toEqual([
    "database password",
    "migration seed",
    "private key or its seed",
    "signature, as of an account token",
    "slab key",
  ]);
  const filled = traces
    .filter(({ text }) => text.length > 0)
    .map(({ where }) => where.replace(/, in ".*"$/, ""));
  expect(filled).toEqual(
    expect.arrayContaining([
      "stdout of demo",
      "stderr of demo",
      "row of slabmend.journal",
      "row of slabmend.repairs",
      "message from function-process",
      "HTTP request POST AmazonSQS.SendMessageBatch",
    ]),
  );
}

test("a database that crashes in mid-repair and whose backends are ended breaks no rule and loses no object", {
  timeout: SLOW_MS,
}, async () => {
  const args = [
    // Enough work for one worker that all three come while a repair is running.
    "--slabs",
    "8",
    "--workers",
    "1",
    "--kill-workers",
    "0",
    "--restart-database",
    "1",
    "--end-backends",
    "2",
    "--seed",
    "away",
    "--json",
  ];
  const { code, out, err } = await startDemo(...SMALL, ...DAMAGE, ...args).ended;
  expect(code, err).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    databaseCrashes: 1,
    databaseCrashedSeconds: expect.any(Number),
    endedBackends: 2,
    unreadableObjects: 0,
    violations: 0,
  });
});

test("repairs everything, kills one worker, reads back, prints one line of JSON and leaves nothing", {
  timeout: SLOW_MS,
}, async () => {
  const demo = startDemo(...SMALL, ...DAMAGE, "--kill-workers", "1", "--seed", "test", "--json");
  await demo.line(/^killed worker/);
  const pids = await descendantsOf(demo.child.pid!);
  const { code, out, err } = await demo.ended;
  expect(code, err).toBe(0);
  const summary = JSON.parse(out) as Record<string, unknown>;
  expect(Object.keys(summary)).toEqual([
    "slabs",
    "damagedSlabs",
    "damagedSectors",
    "repairedSectors",
    "copiedSectors",
    "rebuiltSectors",
    "foundSectors",
    "bytesRead",
    "bytesWritten",
    "hastings",
    "killedWorkers",
    "databaseCrashes",
    "databaseCrashedSeconds",
    "endedBackends",
    "databaseSilences",
    "databaseSilentSeconds",
    "wrongClocks",
    "wrongClockSeconds",
    "expiredLeases",
    "unreadableObjects",
    "violations",
    "seconds",
    "slabsWithin2",
    "othersLeasedFirst",
    "secondsUntilNoneWithin2",
    "indexd",
  ]);
  expect(summary).toMatchObject({
    slabs: 2,
    damagedSlabs: 2,
    killedWorkers: 1,
    expiredLeases: 1,
    unreadableObjects: 0,
    violations: 0,
    slabsWithin2: 2,
    othersLeasedFirst: 0,
    hastings: expect.stringMatching(/^[1-9][0-9]*$/),
  });
  expect(summary["damagedSectors"]).toBeGreaterThanOrEqual(3);
  expect(summary["repairedSectors"]).toBe(summary["damagedSectors"]);
  const ways = ["copiedSectors", "rebuiltSectors", "foundSectors"];
  expect(ways.reduce((sum, way) => sum + Number(summary[way]), 0)).toBe(summary["damagedSectors"]);
  expect(summary["bytesWritten"]).toBeGreaterThanOrEqual(Number(summary["damagedSectors"]) * 4_194_304);
  expect(summary["secondsUntilNoneWithin2"]).toBeGreaterThan(0);
  expect(summary["secondsUntilNoneWithin2"]).toBeLessThan(Number(summary["seconds"]));
  expect(err).toMatch(/^host dead +1 +1 +0 +1 +0$/m);
  expect(err).not.toMatch(/postgres:\/\//);
  expectSearched();
  await expectNothingLeft(pids);
});

test("slabs near to loss are leased before all others", { timeout: SLOW_MS }, async () => {
  // The dead host has a sector of nearly every slab; one worker has four leases at once, all of one batch.
  const code = "--slabs 7 --hosts 6 --min-shards 1 --total-shards 5 --endangered 1 --workers 1 --seed order";
  const damage = "--dead 1 --blocked 0 --bad-contracts 0 --lost-sectors 0 --liars 0 --kill-workers 0";
  const { code: exit, out, err } = await startDemo(...`${code} ${damage} --json`.split(" ")).ended;
  expect(exit, err).toBe(0);
  const summary = JSON.parse(out) as Record<string, unknown>;
  // The endangered one was uploaded last.
  expect(summary).toMatchObject({ slabsWithin2: 1, othersLeasedFirst: 0, violations: 0 });
  expect(summary["damagedSlabs"]).toBeGreaterThanOrEqual(6);
});

test("Ctrl-C in mid-repair stops everything and leaves nothing", { timeout: SLOW_MS }, async () => {
  const demo = startDemo(...SMALL, ...DAMAGE, "--kill-workers", "2", "--seed", "interrupted");
  await demo.line(/^killed worker/);
  const pids = await descendantsOf(demo.child.pid!);
  demo.child.kill("SIGINT");
  const { code, out, err } = await demo.ended;
  expect(code).toBe(130);
  expect(err).toBe("interrupted; everything was stopped");
  expect(out).not.toContain("rules violated");
  await expectNothingLeft(pids);
});

test("a demo with contradicting options is refused with reasons before anything is started", async () => {
  const { code, out, err } = await startDemo("--hosts", "20", "--dead", "30").ended;
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toContain("--total-shards 30: expected at most --hosts 20");
  expect(err).toContain(
    "--dead 30, --blocked 2, --bad-contracts 2 and --liars 2: expected at most --hosts 20 together",
  );
});
