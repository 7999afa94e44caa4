import { expect, test } from "vitest";
import { recorded } from "../../canary/recorder.ts";
import { descendantsOf } from "../../support/processes.ts";
import { DAMAGE, expectNothingLeft, SLOW_MS, SMALL, startDemo, useDemoFolder } from "./start-demo.ts";

useDemoFolder();

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

test("the demo repairs everything, kills one worker, reads objects back, prints one line of JSON and leaves nothing behind", {
  timeout: SLOW_MS,
}, async () => {
  const demo = startDemo(...SMALL, ...DAMAGE, "--kill-workers", "1", "--verify", "--seed", "test", "--json");
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
    "drain",
    "verify",
    "indexd",
    "move",
    "restore",
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
  expect(summary["verify"]).toMatchObject({ planted: 1, denied: 1, confirmed: 1, foundAll: true });
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

test("Ctrl+C during a repair stops the demo and leaves nothing behind", { timeout: SLOW_MS }, async () => {
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
    "--dead 30, --blocked 2, --bad-contracts 2, --liars 2, --forgetful-hosts 0 and --drain 0: expected at most --hosts 20 together",
  );
});
