/**
 * The playground as a user runs it: in its own process, with its own temporary folder, which the test can inspect
 * afterwards.
 */
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DrivenPlayground, drivePlayground } from "../../../dev/playground/drive-playground.ts";
import { isAlive } from "../../../dev/process/run-folder.ts";
import { descendantsOf } from "../../support/processes.ts";
import { untilEqual } from "../../support/until.ts";

const SMALL = ["--slabs", "2", "--hosts", "5", "--min-shards", "2", "--total-shards", "4", "--seed", "play"];
const SLOW_MS = 300_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slabmend-playground-test-"));
  // PostgreSQL may run as another user when we are root.
  await chmod(folder, 0o755);
});
let running: DrivenPlayground | undefined;
afterEach(async () => {
  // A failed test may have left a playground running. Once it is killed, its guard removes what it had started.
  running?.child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

const start = (...args: string[]): DrivenPlayground => {
  running = drivePlayground(args, { PATH: process.env["PATH"] ?? "", TMPDIR: folder });
  return running;
};

test("the playground loses sectors by command, repairs them, reads every object back, and leaves nothing behind", {
  timeout: SLOW_MS,
}, async () => {
  const playground = start(...SMALL);
  // The command must come before slabmend's first walk over bad sectors, because the next walk begins only a minute
  // later.
  playground.type("lose 0");
  await playground.sees(/^host 0 has lost [12] sectors, and indexd has noticed$/m);
  await playground.sees(/^slab \d+: repaired, .*\d sectors? rebuilt$/m);
  const pids = await descendantsOf(playground.child.pid!);
  expect(pids.length).toBeGreaterThan(3);
  playground.type("corrupt 3");
  playground.type("hosts");
  await playground.sees(/^host {2}3 .* corrupts +indexd: good$/m);
  playground.type("slabmend status");
  await playground.sees(/^last hour +\d+ repaired/m);
  await playground.command("stop 4", /^host 4 is offline/m);
  await playground.command("heal 3-4", /^host 4 is healthy again$/m);
  playground.type("check");
  await playground.sees(/^all \d+ objects were read back as stored$/m);
  playground.type("quit");
  expect(await playground.ended, playground.text()).toBe(0);
  expect(playground.text()).not.toMatch(/postgres:\/\//);
  await untilEqual(() => pids.filter(isAlive), []);
  await untilEqual(() => readdir(folder), []);
});

test("a killed playground leaves neither process nor folder", { timeout: SLOW_MS }, async () => {
  const playground = start(...SMALL);
  await playground.sees(/^Now try, for example/m);
  const pids = await descendantsOf(playground.child.pid!);
  playground.child.kill("SIGKILL");
  await untilEqual(() => pids.filter(isAlive), []);
  await untilEqual(() => readdir(folder), []);
});

test("wrong options of the playground are refused together, with exit code 2, before anything is started", async () => {
  const playground = start("--hosts", "3", "--slabs", "many");
  expect(await playground.ended).toBe(2);
  expect(playground.text()).toContain('--slabs: expected a whole number from 0 to 1000, got "many"');
  expect(playground.text()).toContain("--total-shards 12: expected at most --hosts 3");
});
