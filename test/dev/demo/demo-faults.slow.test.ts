/** The demo with faults. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findPgDump } from "../../../dev/postgres/pg-dump.ts";
import { DAMAGE, SLOW_MS, SMALL, startDemo, useDemoFolder } from "./start-demo.ts";

const folder = useDemoFolder();

test("crashes of the database and ended backends during repairs violate no rule and lose no object", {
  timeout: SLOW_MS,
}, async () => {
  const args = [
    // One worker with enough work, so that the crash and both ended backends happen during repairs.
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

test("forgetful hosts cause no lost location and no wrong statistic; wrong clocks cause no failed slab", {
  timeout: SLOW_MS,
}, async () => {
  const args =
    "--hosts 18 --total-shards 9 --forgetful-hosts 2 --wrong-clocks 1 --kill-workers 0 --workers 2 --seed forget --json";
  const { code, out, err } = await startDemo(...SMALL, ...DAMAGE, ...args.split(" ")).ended;
  expect(code, err).toBe(0);
  const summary = JSON.parse(out) as Record<string, unknown>;
  expect(summary).toMatchObject({
    forgetfulHosts: 2,
    falseLosses: 0,
    waitingDenials: 0,
    wrongClocks: 1,
    unreadableObjects: 0,
    violations: 0,
  });
  expect(summary["deniedSectors"]).toBeGreaterThan(0);
});

test("a drain of two hosts completes although another host dies and a worker is killed", {
  timeout: SLOW_MS,
}, async () => {
  const code = "--slabs 4 --hosts 18 --min-shards 3 --total-shards 6 --endangered 1 --workers 2 --seed drain";
  const damage =
    "--dead 1 --blocked 1 --bad-contracts 0 --lost-sectors 0 --liars 1 --kill-workers 1 --drain 2";
  const { code: exit, out, err } = await startDemo(...`${code} ${damage} --json`.split(" ")).ended;
  expect(exit, err).toBe(0);
  const summary = JSON.parse(out) as { drain: Record<string, number> };
  expect(summary).toMatchObject({
    violations: 0,
    unreadableObjects: 0,
    sectorsLeft: 0,
    drain: { hosts: 2, sectorsAfter: 0, finished: true, seconds: expect.any(Number) },
  });
  const { sectorsBefore, copied } = summary.drain;
  expect(sectorsBefore).toBeGreaterThan(0);
  expect(copied).toBeGreaterThan(0);
  expect(err).toMatch(/^host drained +(\d+) +\1 /m);
});

test("slabs close to loss are leased before all others", { timeout: SLOW_MS }, async () => {
  // The dead host damages nearly every slab. With one worker only four slabs are leased at once, in one batch, so the
  // other slabs are leased later.
  const code = "--slabs 7 --hosts 6 --min-shards 1 --total-shards 5 --endangered 1 --workers 1 --seed order";
  const damage = "--dead 1 --blocked 0 --bad-contracts 0 --lost-sectors 0 --liars 0 --kill-workers 0";
  const { code: exit, out, err } = await startDemo(...`${code} ${damage} --json`.split(" ")).ended;
  expect(exit, err).toBe(0);
  const summary = JSON.parse(out) as Record<string, unknown>;
  // The endangered slab was uploaded last.
  expect(summary).toMatchObject({ slabsWithin2: 1, othersLeasedFirst: 0, violations: 0 });
  expect(summary["damagedSlabs"]).toBeGreaterThanOrEqual(6);
});

test("sectors that no host can take are explained in the last sentence, in --json and on the page of --report", {
  timeout: SLOW_MS,
}, async () => {
  // There are only as many hosts as shards, so the dead host's sectors have no destination.
  const code =
    "--slabs 2 --hosts 6 --min-shards 2 --total-shards 6 --endangered 0 --workers 1 --seed cramped";
  const damage = "--dead 1 --blocked 0 --bad-contracts 0 --lost-sectors 0 --liars 0 --kill-workers 0";
  const page = join(folder(), "report.html");
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

test("after a restore of a lost database every object of the backup can be read", {
  timeout: SLOW_MS,
}, async () => {
  const args = ["--slabs", "4", "--kill-workers", "0", "--restore", "--seed", "restored", "--json"];
  const { code, out, err } = await startDemo(...SMALL, ...DAMAGE, ...args).ended;
  expect(code, err).toBe(0);
  const { restore, violations } = JSON.parse(out);
  expect(violations).toBe(0);
  expect(restore.refused).toBe(0);
  expect(restore.placed).toBeGreaterThan(0);
  expect(restore.contractsChained).toBeGreaterThan(0);
  // sectorsAtStake: sectors of which hosts would delete all copies if indexd started on the backup without a restore.
  expect(restore.sectorsAtStake).toBeGreaterThan(0);
});

test("a database move while slabs are repaired and a worker is killed violates no rule and loses no object", {
  timeout: SLOW_MS,
}, async (context) => {
  if ((await findPgDump(18)) === undefined) context.skip();
  const args = "--move --slabs 8 --workers 1 --kill-workers 1 --seed move --json".split(" ");
  const { code, out, err } = await startDemo(...SMALL, ...DAMAGE, ...args).ended;
  expect(code, err).toBe(0);
  const summary = JSON.parse(out) as { move: Record<string, number> };
  expect(summary).toMatchObject({ unreadableObjects: 0, violations: 0, sectorsLeft: 0 });
  expect(summary.move["comparedRows"]).toBeGreaterThan(100);
  expect(summary.move["repairsAfter"]).toBeGreaterThan(0);
});
