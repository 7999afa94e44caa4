/** Ways to end `slabmend work`: signals to any process of the chain that started it, and the end of its parents. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { processState } from "../support/processes.ts";
import { startSilentDatabase } from "../support/silent-proxy.ts";
import { untilEqual } from "../support/until.ts";
import { type CliProcess, LAUNCHER, startCli } from "./cli-process.ts";

let database: TestDatabase;
let environment: Record<string, string>;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = { SLABMEND_DATABASE_URL: database.url, SLABMEND_MIGRATION_SEED: "11".repeat(32) };
});
afterAll(() => database.drop());

const WORK = ["work", "--from-database", "--concurrency", "1"];
const isDone = (out: string): boolean =>
  out.trimEnd().endsWith('{"done":true,"outcomes":{},"notBegun":0,"crashed":0}');

test.each(["SIGTERM", "SIGINT"] as const)(
  "at %s slabmend finishes its running repairs and ends with code 0",
  async (signal) => {
    const cli = startCli(WORK, environment);
    await cli.until('"working"');
    cli.child.kill(signal);
    expect(await cli.ended).toBe(0);
    expect(isDone(cli.out())).toBe(true);
  },
);

test("SIGTERM during the start of slabmend ends the process, and no slab is leased", async () => {
  for (const delayMs of [50, 200, 400, 800, 1_200]) {
    const cli = startCli(WORK, environment);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    cli.child.kill("SIGTERM");
    // If the signal arrives before the launcher runs, its default action ends the process.
    expect([0, null]).toContain(await cli.ended);
  }
  expect(await database.sql`select from slabmend.leases`).toHaveLength(0);
});

test("a second SIGTERM ends slabmend at once with the documented exit code", async () => {
  const proxy = await startSilentDatabase(database.url);
  // The database falls silent at a query of reap, and draining waits for the answer.
  const asked = proxy.fallSilentAt("quarantine", "statement");
  const cli: CliProcess = startCli(WORK, { ...environment, SLABMEND_DATABASE_URL: proxy.url });
  await cli.meanwhile(asked);
  cli.child.kill("SIGTERM");
  await cli.until('"draining"');
  cli.child.kill("SIGTERM");
  expect(await cli.ended).toBe(130);
  await proxy.stop();
});

/** Starts slabmend as npm does: npm's process starts a shell, which starts the command. */
function startByNpm(
  npm: string,
): Promise<{ readonly parents: readonly number[]; readonly work: number; readonly out: () => string }> {
  const script = `
    const { spawn } = require("node:child_process");
    const shell = spawn("sh", ["-c", ${JSON.stringify(`"${process.execPath}" "${LAUNCHER}" ${WORK.join(" ")} & echo "WORK $!"; wait`)}], { stdio: "inherit" });
    console.log("PIDS " + process.pid + " " + shell.pid);`;
  const child = spawn(process.execPath, ["-e", script], {
    env: { PATH: process.env["PATH"], ...environment, ...(npm === "" ? {} : { npm_command: npm }) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      const parents = /PIDS (\d+) (\d+)/.exec(out);
      const work = /WORK (\d+)/.exec(out);
      if (parents === null || work === null || !out.includes('"working"')) return;
      resolve({ parents: [Number(parents[1]), Number(parents[2])], work: Number(work[1]), out: () => out });
    });
  });
}

test.runIf(existsSync("/proc/self/stat"))(
  "slabmend finishes its running repairs and ends if npx or its shell is killed",
  async () => {
    for (const gone of [0, 1]) {
      const { parents, work, out } = await startByNpm("exec");
      process.kill(parents[gone]!, "SIGKILL");
      await untilEqual(() => isDone(out()), true);
      expect(out()).toContain('"draining"');
      await untilEqual(() => processState(work), undefined);
      if (gone === 1) await untilEqual(() => processState(parents[0]!), undefined);
    }
  },
);

test("slabmend keeps running when its shell ends, as with nohup or setsid", async () => {
  const { parents, work, out } = await startByNpm("");
  for (const pid of parents) process.kill(pid, "SIGKILL");
  // Two intervals of the launcher's check whether its parents live, and a margin.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(out()).not.toContain("draining");
  process.kill(work, "SIGTERM");
  await untilEqual(() => isDone(out()), true);
  await untilEqual(() => processState(work), undefined);
});
