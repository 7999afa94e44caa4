/**
 * A real Prometheus scrapes a real serve: no alert fires normally, and the right ones fire when claims fail and when
 * serve ends.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { createServeWorld, type ServeProcess, type ServeWorld } from "../server/serve-world.ts";
import { useDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";
import { type Prometheus, startPrometheus } from "./support/prometheus.ts";

/** Ten minutes of the rules become ten seconds. */
const SCALE = 1 / 60;
const LIMIT_MS = 100_000;
const WAITING = { limitMs: LIMIT_MS, everyMs: 100 };

const database = useDatabase();
let world: ServeWorld;
let serve: ServeProcess;
let prometheus: Prometheus;

beforeEach(async () => {
  world = createServeWorld(() => database.url);
  serve = await world.start();
  prometheus = await startPrometheus(new URL(serve.url).host, SCALE);
}, LIMIT_MS);
afterEach(async () => {
  await prometheus.stop();
  await world.clean();
});

test("Prometheus reads the metrics of serve, and no alert fires in a healthy fleet", async () => {
  const claims = 'slabmend_runs_completed_total{function="claim"}';
  await until(
    () => prometheus.value(claims),
    (value) => value !== undefined && value > 0,
    WAITING,
  );
  await until(
    () => prometheus.value("slabmend_database_up"),
    (value) => value === 1,
    WAITING,
  );
  expect(await prometheus.value('up{job="slabmend"}')).toBe(1);
  expect(await prometheus.firing()).toEqual([]);
});

test("while claims fail, claim-not-running fires and database-away does not; once claims succeed, no alert fires", async () => {
  await until(
    () => prometheus.value("slabmend_database_up"),
    (value) => value === 1,
    WAITING,
  );
  await database.sql`update slabmend.database_migrations set version = version + 1`;
  const firing = await until(
    () => prometheus.firing(),
    (names) => names.includes("claim-not-running"),
    WAITING,
  );
  expect(firing).not.toContain("database-away");
  await database.sql`update slabmend.database_migrations set version = version - 1`;
  await until(
    () => prometheus.firing(),
    (names) => names.length === 0,
    WAITING,
  );
});

test("once serve has ended, the alert server-not-reached fires", async () => {
  await until(
    () => prometheus.value('up{job="slabmend"}'),
    (value) => value === 1,
    WAITING,
  );
  await serve.stop();
  await until(
    () => prometheus.firing(),
    (names) => names.includes("server-not-reached"),
    WAITING,
  );
});
