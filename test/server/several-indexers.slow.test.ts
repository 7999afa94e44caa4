/** A real `serve` with a folder of indexers: API, health checks and metrics of each; files are added and removed. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IndexerReport } from "../../lib/reports/indexers-schema.ts";
import { useDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";
import { createServeWorld, SEED, type ServeProcess } from "./serve-world.ts";

const main = useDatabase();
const old = useDatabase();
const world = createServeWorld(() => "");
const folder = join(world.folder, "indexers");
let serve: ServeProcess;

const fileOf = (url: string, seed = SEED): string =>
  `SLABMEND_DATABASE_URL=${url}\nSLABMEND_MIGRATION_SEED=${seed}\nSLABMEND_INDEXD_GRACE_SECONDS=0\n`;

beforeAll(async () => {
  mkdirSync(folder);
  writeFileSync(join(folder, "main.env"), fileOf(main.url));
  writeFileSync(join(folder, "wrong.env"), fileOf("postgres://nobody@127.0.0.1:1/none", "not a seed"));
  serve = await world.start([], "127.0.0.1:0", { STATE_DIRECTORY: world.folder, SLABMEND_INDEXERS: folder });
});
afterAll(() => world.clean());

const get = async (path: string) => {
  const answer = await serve.fetch(path);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const indexers = async (): Promise<Record<string, IndexerReport>> => {
  const { indexers: list } = (await get("/api/v1/indexers")).body as { indexers: IndexerReport[] };
  return Object.fromEntries(list.map((one) => [one.name, one]));
};
const stateOf = async (name: string) => (await indexers())[name]?.state;

test("one indexer works while another is misconfigured, and every answer names its indexer", async () => {
  await until(async () => (await stateOf("main")) === "running" && (await get("/readyz")).status === 200);
  const { main: well, wrong } = await indexers();
  expect(wrong).toMatchObject({ state: "repairing", trouble: { code: "configuration" }, here: null });
  expect(JSON.stringify(wrong)).not.toContain("not a seed");
  expect(well).toMatchObject({ state: "running", mode: { kind: "running" }, holder: "here", trouble: null });
  expect(well!.here!.units.map(({ unit }) => unit)).toEqual(["claim", "reap", "worker 1"]);

  expect(await get("/api/v1/status")).toMatchObject({ status: 400, body: { code: "indexer-missing" } });
  expect(await get("/api/v1/status?indexer=none")).toMatchObject({
    status: 404,
    body: { code: "no-such-indexer" },
  });
  expect(await get("/api/v1/status?indexer=main")).toMatchObject({
    status: 200,
    body: { mode: { kind: "running" } },
  });
  expect(await get("/api/v1/workers?indexer=main")).toMatchObject({
    body: { serve: { indexer: "main", state: "working" } },
  });
  const scraped = await (await serve.fetch("/metrics")).text();
  expect(scraped).toMatch(/slabmend_database_up\{[^}]*indexer="main"\} 1/);
  expect((await get("/readyz?indexer=main")).status).toBe(200);
});

test("without its own restart, serve starts the indexer of an added file and ends the indexer of a removed file", async () => {
  writeFileSync(join(folder, "old.env"), fileOf(old.url));
  rmSync(join(folder, "wrong.env"));
  await until(async () => (await stateOf("old")) === "running" && (await stateOf("wrong")) === undefined);
  const scraped = await (await serve.fetch("/metrics")).text();
  // Each metric has one description, and samples of both indexers, `main` and `old`.
  expect(scraped.match(/^# TYPE slabmend_database_up /gm)).toHaveLength(1);
  expect(scraped.match(/^slabmend_database_up\{/gm)).toHaveLength(2);

  const put = (path: string, body: object) =>
    serve.fetch(path, {
      method: "PUT",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
  expect((await put("/api/v1/mode?indexer=old", { kind: "suspended", reason: "a test" })).status).toBe(200);
  await until(async () => (await stateOf("old")) === "stopped" && (await indexers())["old"]!.here === null);
  expect((await indexers())["old"]!.says).toMatch(
    /^old is stopped: none of its work runs; suspended by .*: a test$/,
  );
  expect((await get("/readyz?indexer=old")).status).toBe(200);
  expect(await stateOf("main")).toBe("running");
  expect((await put("/api/v1/mode?indexer=old", { kind: "running" })).status).toBe(200);
  await until(async () => (await stateOf("old")) === "running");

  const deleted = await serve.fetch("/api/v1/indexers/old", {
    method: "DELETE",
    body: JSON.stringify({ confirm: "old" }),
    headers: { "content-type": "application/json" },
  });
  expect(deleted.status).toBe(200);
  // The login of indexer "old" owns the schema slabmend in its database, so serve can remove this schema.
  await until(async () => (await stateOf("old")) === "deleted" && (await indexers())["old"]!.here === null);
  expect(await old.sql`select to_regclass('slabmend.leases') as there`).toEqual([{ there: null }]);
  expect(await old.sql`select count(*)::integer as count from hosts`).toEqual([{ count: 0 }]);
  expect(await serve.stop()).toBe(0);
});
