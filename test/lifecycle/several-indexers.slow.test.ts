/** Ten indexers in one process, each with its own database: three fail without affecting the others, and recover. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import type { ConfiguredIndexer } from "../../lib/config/indexer-files.ts";
import { parseEnvironment } from "../../lib/config/parse-environment.ts";
import { WORK_VARIABLES } from "../../lib/config/work-variables.ts";
import { resumeLeasing, stopLeasing } from "../../lib/database/fleet/fleet-mode.ts";
import { IndexerSupervisor } from "../../lib/lifecycle/indexer-supervisor.ts";
import { createControl } from "../../lib/server/create-control.ts";
import { parseSlabDigest } from "../../lib/slab/ids.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { createPrometheusMetrics } from "../../lib/telemetry/prometheus-metrics.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { LOST, placeOn, seedNetwork, seedSlab } from "../support/seed-indexd.ts";
import { type SilentProxy, startSilentProxy } from "../support/silent-proxy.ts";
import { until } from "../support/until.ts";

const COUNT = 10;
const SEED = `${"5e".repeat(31)}7a`;
const workerEntry = fileURLToPath(new URL("../cli/fixtures/obedient-worker.ts", import.meta.url));
const names = Array.from({ length: COUNT }, (_, index) => `i${String.fromCharCode(97 + index)}`);
const [HANGS, WRONG_SEED, UNKNOWN] = [names[2]!, names[5]!, names[8]!];
const well = names.filter((name) => ![HANGS, WRONG_SEED, UNKNOWN].includes(name));

const databases = new Map<string, TestDatabase>();
let proxy: SilentProxy;
let version: number;
let configured: ConfiguredIndexer[];
let supervisor: IndexerSupervisor;
const db = (name: string): TestDatabase["sql"] => databases.get(name)!.sql;
const viewOf = (name: string) => supervisor.views().find((view) => view.name === name)!;
const stateOf = (name: string) => viewOf(name).lifecycle.state;

beforeAll(async () => {
  for (const name of names) {
    const database = await createTestDatabase({ max: 1 });
    databases.set(name, database);
    const hosts = await seedNetwork(database.sql, { hosts: 6 });
    // The digest's first letter makes the substitute worker finish at once.
    const digest = parseSlabDigest("a".repeat(64));
    await seedSlab(database.sql, { minShards: 1, digest, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
  }
  const [global] = await db(UNKNOWN)<
    { version: number }[]
  >`select db_version as version from global_settings`;
  version = global!.version;
  // Simulates a newer version of indexd, in which our writes may have another meaning.
  await db(UNKNOWN)`update global_settings set db_version = 9999`;
  await db(UNKNOWN)`alter table slabs add column novel integer not null default 0`;
  const { hostname, port } = new URL(databases.get(HANGS)!.url);
  proxy = await startSilentProxy({ host: hostname, port: Number(port) });
  configured = names.map((name) => configure(name));
  const logger = createLogger("silent", {});
  supervisor = new IndexerSupervisor({
    readConfiguration: () => ({ indexers: configured, problems: [] }),
    createControl({ name, environment: variables }) {
      const environment = parseEnvironment(["SLABMEND_DATABASE_URL", ...WORK_VARIABLES], variables);
      const metrics = createMetrics({ namespace: "", service: "serve" });
      return createControl(
        { name, environment, variables, logger, metrics },
        {
          prometheus: createPrometheusMetrics(name),
          concurrency: 4,
          timeoutMs: 60_000,
          clock: systemClock,
          workerEntry,
        },
      );
    },
    onChange: () => {},
    total: 4,
    clock: systemClock,
    logger,
  });
});

function configure(name: string, seed = name === WRONG_SEED ? "not hex" : SEED): ConfiguredIndexer {
  const url = new URL(databases.get(name)!.url);
  if (name === HANGS) url.port = String(proxy.port);
  return {
    name,
    environment: {
      ...process.env,
      SLABMEND_INDEXER: name,
      SLABMEND_DATABASE_URL: url.href,
      SLABMEND_MIGRATION_SEED: seed,
      SLABMEND_INDEXD_GRACE_SECONDS: "0",
    },
  };
}

afterAll(async () => {
  await supervisor.drain();
  await proxy.stop();
  for (const database of databases.values()) await database.drop();
});

test("seven indexers work while three fail; each failing indexer reports its problem and recovers", async () => {
  const silent = proxy.fallSilent();
  supervisor.start();
  await silent;
  const repaired = (name: string) => (viewOf(name).loop?.done.outcomes ?? {}) as Record<string, number>;
  await until(() =>
    well.every((name) => stateOf(name) === "running" && Object.keys(repaired(name)).length > 0),
  );
  await until(() => [HANGS, WRONG_SEED, UNKNOWN].every((name) => viewOf(name).lifecycle.trouble !== null));
  expect(
    [HANGS, WRONG_SEED, UNKNOWN].map((name) => [stateOf(name), viewOf(name).lifecycle.trouble!.code]),
  ).toEqual([
    ["repairing", "no-answer"],
    ["repairing", "configuration"],
    ["repairing", expect.stringMatching(/^indexd-(changed|needs-consent)$/)],
  ]);
  // The seven never stopped.
  expect(well.map(stateOf)).toEqual(well.map(() => "running"));

  proxy.recover();
  await db(UNKNOWN)`alter table slabs drop column novel`;
  await db(UNKNOWN)`update global_settings set db_version = ${version}`;
  configured = configured.map((one) => (one.name === WRONG_SEED ? configure(WRONG_SEED, SEED) : one));
  await until(() => names.every((name) => stateOf(name) === "running"), Boolean, {
    explain: () =>
      JSON.stringify(
        supervisor.views().map(({ name, lifecycle }) => [name, lifecycle.state, lifecycle.trouble]),
      ),
  });
});

test("an indexer can be suspended, resumed and removed while the others keep working", async () => {
  const [first, second] = [names[0]!, names[1]!];
  // The substitute worker does not end its lease, as a real worker's commit would, so the test deletes the lease.
  await db(first)`delete from slabmend.leases`;
  await stopLeasing(db(first), { kind: "suspended", owner: "ann" });
  await until(() => stateOf(first) === "stopped" && viewOf(first).loop === null);
  expect(await db(first)`select state from slabmend.lifecycle`).toEqual([{ state: "stopped" }]);
  await resumeLeasing(db(first), "suspended");
  await until(() => stateOf(first) === "running" && viewOf(first).loop !== null);

  configured = configured.filter(({ name }) => name !== second);
  await until(() => supervisor.views().length === COUNT - 1);
  // The row stays, because other machines may drive the indexer; only its lease is released.
  await until(async () => {
    const [row] = await db(second)<
      { state: string; holder: string | null }[]
    >`select state, holder from slabmend.lifecycle`;
    return row!.state === "running" && row!.holder === null;
  });
  configured = names.map((name) => configure(name, SEED));
  await until(() => names.every((name) => viewOf(name) !== undefined && stateOf(name) === "running"));
  const shares = supervisor.views().map(({ loop }) => loop?.concurrency ?? 0);
  expect(Math.min(...shares)).toBeGreaterThanOrEqual(1);
});
