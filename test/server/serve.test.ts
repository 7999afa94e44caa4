/** `slabmend serve` as an operator runs it: processes, seed, crashes, two instances on one database, draining. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WorkersReport } from "../../lib/server/workers-report.ts";
import { startCli } from "../cli/cli-process.ts";
import { useDatabase } from "../support/database.ts";
import { processState } from "../support/processes.ts";
import { until, untilEqual } from "../support/until.ts";
import { createServeWorld, SEED, type ServeProcess } from "./serve-world.ts";

const database = useDatabase();
const world = createServeWorld(() => database.url);
let serve: ServeProcess;
beforeAll(async () => {
  serve = await world.start();
});
afterAll(() => world.clean());

async function workers(of = serve): Promise<NonNullable<WorkersReport["serve"]>> {
  const report = await until(
    () => of.fetch("/api/v1/workers").then((response) => response.json() as Promise<WorkersReport>),
    (seen) => seen.serve !== null,
  );
  return report.serve!;
}
const readiness = async (of = serve) =>
  (await (await of.fetch("/readyz")).json()) as {
    ready: boolean;
    checks: { name: string; code: string | null }[];
  };

/** Whether the text is in a process's initial environment, and whether it is anywhere in its memory. */
function findIn(pid: number, text: string): { environment: boolean; memory: boolean } {
  const environment = readFileSync(`/proc/${pid}/environ`, "latin1").includes(text);
  const wanted = Buffer.from(text);
  const file = openSync(`/proc/${pid}/mem`, "r");
  try {
    const regions = readFileSync(`/proc/${pid}/maps`, "latin1")
      .split("\n")
      .filter((line) => /^\S+ rw/.test(line));
    const memory = regions.some((line) => {
      const [from, to] = line
        .split(" ")[0]!
        .split("-")
        .map((hex) => Number.parseInt(hex, 16));
      const bytes = Buffer.alloc(Math.min(to! - from!, 2 ** 28));
      try {
        readSync(file, bytes, 0, bytes.length, from!);
      } catch {
        return false;
      }
      return bytes.includes(wanted);
    });
    return { environment, memory };
  } finally {
    closeSync(file);
  }
}

test("serve becomes ready and lists its workers", async () => {
  await until(readiness, ({ ready }) => ready);
  expect((await serve.fetch("/healthz")).status).toBe(200);
  expect(await workers()).toMatchObject({
    state: "working",
    trouble: null,
    claim: { failures: 0, stopped: "no-backlog" },
    workers: [{ name: "worker 1", restarts: 0 }],
  });
});

test("the seed is in the supervising process and its workers, but not in the HTTP process", async () => {
  const { pid, http, workers: pool } = await workers();
  expect(findIn(pid, SEED)).toEqual({ environment: true, memory: true });
  expect(findIn(pool[0]!.pid!, SEED)).toEqual({ environment: true, memory: true });
  expect(findIn(http.pid, SEED)).toEqual({ environment: false, memory: false });
  // The HTTP process does have the token: finding it shows that the search of this process's memory works.
  expect(findIn(http.pid, serve.token)).toEqual({ environment: false, memory: true });
});

test("a killed HTTP process is restarted with the same port and token, without affecting repairs", async () => {
  const before = await workers();
  process.kill(before.http.pid, "SIGKILL");
  const after = await until(
    () => workers().catch(() => undefined),
    (seen) => seen !== undefined && seen.http.restarts === 1,
  );
  expect(after!.http.pid).not.toBe(before.http.pid);
  expect(after!.workers[0]!.pid).toBe(before.workers[0]!.pid);
});

test("two instances of serve on one database notice each other, and one notices the other's end", async () => {
  const other = await world.start();
  await other.cli.until("another worker shares the work on this database");
  const fleet = async () => {
    const report = (await (await serve.fetch("/api/v1/workers")).json()) as WorkersReport;
    return report.fleet?.filter(({ isAlive }) => isAlive).map(({ command }) => command);
  };
  await untilEqual(fleet, ["serve", "serve"]);
  expect(await other.stop()).toBe(0);
  await untilEqual(fleet, ["serve"]);
});

test("database problems are reported by readyz and the console, end no process, and need no restart once solved", async () => {
  const { sql } = database;
  await sql`update slabmend.database_migrations set version = version + 1`;
  await until(
    readiness,
    ({ checks }) => checks.find(({ name }) => name === "database")?.code === "schema-too-new",
  );
  await until(
    () => workers(),
    ({ trouble }) => trouble?.code === "schema-too-new",
  );
  expect((await serve.fetch("/healthz")).status).toBe(200);
  await sql`update slabmend.database_migrations set version = version - 1`;
  await until(
    async () => [await workers(), await readiness()] as const,
    ([{ trouble }, { ready }]) => trouble === null && ready,
  );
});

test.each([
  ["an address in use", () => ["--listen", new URL(serve.url).host], {}, 3, "address-unusable"],
  ["beyond loopback without a password", () => ["--listen", "0.0.0.0:0"], {}, 3, "password-missing"],
  ["a name to listen on", () => ["--listen", "example.org:1"], {}, 2, "usage"],
  ["a missing variable", () => [], { SLABMEND_MIGRATION_SEED: "" }, 3, "configuration"],
] as const)("%s ends serve before anything is leased", async (_what, args, variables, code, error) => {
  const cli = startCli(["--json", "serve", ...args()], { ...world.variables, ...variables });
  expect(await cli.ended).toBe(code);
  expect(JSON.parse(cli.err().split("\n")[0]!)).toMatchObject({ error: { code: error } });
});

test("SIGTERM ends serve with exit code 0, and leaves neither a process nor a row", async () => {
  const { pid, http, workers: pool } = await workers();
  expect(await serve.stop()).toBe(0);
  expect(serve.cli.out()).toMatch(/"done":true/);
  for (const each of [pid, http.pid, pool[0]!.pid!]) await untilEqual(() => processState(each), undefined);
  expect(await database.sql`select command from slabmend.workers`).toEqual([]);
});
