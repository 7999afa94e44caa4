/** A real Prometheus scrapes a real serve: it sees work done, and its alerts fire when the database is away and when claims stop. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { alertRules } from "../../infra/prometheus-alerts.ts";
import { createServeWorld, type ServeProcess, type ServeWorld } from "../server/serve-world.ts";
import { useDatabase } from "../support/database.ts";
import { type SilentProxy, startSilentDatabase } from "../support/silent-proxy.ts";
import { until } from "../support/until.ts";

/** Ten minutes become ten seconds. */
const SCALE = 1 / 60;
const LIMIT_MS = 100_000;
const WAITING = { limitMs: LIMIT_MS, everyMs: 100 };

const database = useDatabase();
let world: ServeWorld;
let proxy: SilentProxy & { readonly url: string };
let serve: ServeProcess;
let prometheus: Prometheus;

beforeEach(async () => {
  proxy = await startSilentDatabase(database.url);
  world = createServeWorld(() => proxy.url);
  serve = await world.start();
  prometheus = await startPrometheus(new URL(serve.url).host);
}, LIMIT_MS);
afterEach(async () => {
  await prometheus.stop();
  await proxy.stop();
  await world.clean();
});

test("Prometheus reads the metrics of serve, and no alert fires while all is well", async () => {
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

test("a database that is away fires database-away, and claims that stop fire claim-not-running", async () => {
  await until(
    () => prometheus.value("slabmend_database_up"),
    (value) => value === 1,
    WAITING,
  );
  void proxy.fallSilent();
  await until(
    () => prometheus.firing(),
    (names) => names.includes("database-away") && names.includes("claim-not-running"),
    WAITING,
  );
  proxy.recover();
  await until(
    () => prometheus.firing(),
    (names) => names.length === 0,
    WAITING,
  );
});

test("a serve that ends fires server-not-reached", async () => {
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

interface Prometheus {
  /** Of an expression with one result. */
  value(expression: string): Promise<number | undefined>;
  /** Names of the alerts that fire. */
  firing(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

async function startPrometheus(target: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), "slabmend-prometheus-"));
  writeFileSync(join(folder, "alerts.yml"), alertRules(SCALE));
  writeFileSync(
    join(folder, "prometheus.yml"),
    JSON.stringify({
      global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
      rule_files: ["alerts.yml"],
      scrape_configs: [{ job_name: "slabmend", static_configs: [{ targets: [target] }] }],
    }),
  );
  const port = await freePort();
  const child = spawn(
    join(inject("prometheusBinaries"), "prometheus"),
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return ((await response.json()) as { data: unknown }).data;
  };
  await until(() => isReady(child, port), Boolean, WAITING);
  return {
    async value(expression) {
      const { result } = (await ask(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as {
        result: { value: [number, string] }[];
      };
      return result[0] === undefined ? undefined : Number(result[0].value[1]);
    },
    async firing() {
      const { alerts } = (await ask("/api/v1/alerts")) as {
        alerts: { state: string; labels: { alertname: string } }[];
      };
      return alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
    },
    async stop() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}`);
  return await fetch(`http://127.0.0.1:${port}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
