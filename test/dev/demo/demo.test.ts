/** The demo as a user runs it: a process of its own, with a temporary folder of its own to look into afterwards. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isAlive } from "../../../dev/process/run-folder.ts";
import { recorded } from "../../canary/recorder.ts";
import { descendantsOf } from "../../support/processes.ts";
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
    "forgetfulHosts",
    "forgottenSeconds",
    "deniedSectors",
    "falseLosses",
    "waitingDenials",
    "secondsUntilNoneDenied",
    "expiredLeases",
    "unreadableObjects",
    "sectorsWithoutDestination",
    "sectorsLeft",
    "violations",
    "seconds",
    "slabsWithin2",
    "othersLeasedFirst",
    "secondsUntilNoneWithin2",
    "indexd",
    "verdict",
  ]);
  expect(summary).toMatchObject({
    slabs: 2,
    damagedSlabs: 2,
    killedWorkers: 1,
    expiredLeases: 1,
    unreadableObjects: 0,
    sectorsWithoutDestination: 0,
    sectorsLeft: 0,
    verdict: expect.stringMatching(/^PASSED: all \d+ damaged sectors repaired/),
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

test("sectors that no host can take are explained in the last sentence and in --json, with the page of --report", {
  timeout: SLOW_MS,
}, async () => {
  // As many hosts as shards: what the dead host had can go nowhere.
  const code =
    "--slabs 2 --hosts 6 --min-shards 2 --total-shards 6 --endangered 0 --workers 1 --seed cramped";
  const damage = "--dead 1 --blocked 0 --bad-contracts 0 --lost-sectors 0 --liars 0 --kill-workers 0";
  const page = join(folder, "report.html");
  const {
    code: exit,
    out,
    err,
  } = await startDemo(...`${code} ${damage} --json --report ${page}`.split(" ")).ended;
  expect(exit, err).toBe(0);
  const summary = JSON.parse(out) as Record<string, unknown>;
  expect(summary).toMatchObject({
    damagedSectors: 2,
    repairedSectors: 0,
    sectorsWithoutDestination: 2,
    sectorsLeft: 0,
  });
  const verdict = String(summary["verdict"]);
  expect(verdict).toMatch(/^PARTLY: 2 sectors have nowhere to go: 5 of 6 hosts may take sectors/);
  expect(err.split("\n").at(-1)).toBe(verdict);
  expect(await readFile(page, "utf8")).toContain(verdict);
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
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toContain("--total-shards 30: expected at most --hosts 20");
  expect(err).toContain(
    "--dead 30, --blocked 2, --bad-contracts 2, --liars 2 and --forgetful-hosts 0: expected at most --hosts 20 together",
  );
});
