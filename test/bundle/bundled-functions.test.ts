/** The functions as they are deployed: bundled as SST bundles them, in processes of their own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type QueuePair, type QueueServer, startQueueServer } from "../../dev/aws/queue-server.ts";
import { ALARMS, type AlarmDefinition } from "../../infra/alarm-definitions.ts";
import { GRAPHS, type ShownMetric } from "../../infra/dashboard-graphs.ts";
import type { FunctionName } from "../../infra/function-settings.ts";
import { encodeRepairMessage } from "../../lib/queue/repair-message.ts";
import { bundleFunction } from "../../scripts/bundle.ts";
import { createRepairWorld, type RepairWorld } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";

const NAMESPACE = "slabmend/test";

let folder: string;
let world: RepairWorld;
let queueServer: QueueServer;
let queues: QueuePair;
const entries = new Map<FunctionName, string>();
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slabmend-bundles-"));
  for (const name of ["claim", "repair", "reap"] as const) {
    entries.set(name, (await bundleFunction(name, join(folder, name))).entry);
  }
  world = await createRepairWorld({ hosts: 6 });
  queueServer = await startQueueServer();
  queues = await queueServer.createQueues({ visibilityTimeoutSeconds: 60, maxReceiveCount: 5 });
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop();
});
afterAll(async () => {
  await queueServer?.stop();
  await world?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(
  name: FunctionName,
  more: Readonly<Record<string, string>> = {},
): Promise<WorkerProcess> {
  const worker = await startWorkerProcess({
    entry: entries.get(name)!,
    environment: {
      ...world.variables,
      AWS_ENDPOINT_URL_SQS: queueServer.url,
      SLABMEND_QUEUE_URL: queues.repairs.url,
      SLABMEND_DEAD_LETTER_QUEUE_URL: queues.deadLetters.url,
      SLABMEND_METRICS_NAMESPACE: NAMESPACE,
      // With `due`, reap only measures the due checks, but claim would need a queue for them.
      SLABMEND_VERIFY: name === "reap" ? "due" : "none",
      ...more,
    },
  });
  workers.push(worker);
  return worker;
}

/**
 * All metrics that a worker printed, merged. Each printed line is in embedded metric format, because the worker
 * prints no log lines.
 */
function metricsOf(worker: WorkerProcess): Record<string, unknown> {
  return Object.assign({}, ...worker.lines.map(({ line }) => JSON.parse(line) as object)) as Record<
    string,
    unknown
  >;
}

/** The metrics of a line, each as CloudWatch identifies it: service, names of dimensions, name. */
function triplesOf(line: string): string[] {
  const { _aws, service } = JSON.parse(line) as {
    _aws: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] };
    service: string;
  };
  return _aws.CloudWatchMetrics.flatMap(({ Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => Metrics.map(({ Name }) => triple(service, names, Name))),
  );
}

function triple(service: string, dimensions: readonly string[], name: string): string {
  return `${service} {${dimensions.toSorted().join(", ")}} ${name}`;
}

test("the bundled repair rebuilds a lost sector with its kernel file, and prints the cost", async () => {
  const slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  await world.loseSector(slab, 1);
  const body = encodeRepairMessage(await world.lease(slab), "default");
  const worker = await start("repair");
  const outcome = await worker.invoke({ Records: [{ messageId: "one", body }] });
  expect(outcome).toEqual({ kind: "succeeded", payload: JSON.stringify({ batchItemFailures: [] }) });
  expect(await world.wrongSectors(slab)).toEqual([]);
  expect(metricsOf(worker)).toMatchObject({
    service: "repair",
    outcome: "repaired",
    Repairs: 1,
    MessagesFailed: 0,
    SectorsRebuilt: 1,
    BytesWritten: 4_194_304,
  });
  expect(worker.lines.every(({ line }) => line.includes(`"Namespace":"${NAMESPACE}"`))).toBe(true);
});

test("the bundled reap prints the gauges of the fleet", async () => {
  const slab = await world.storeSlab({ minShards: 1, totalShards: 2 });
  await world.lease(slab);
  const worker = await start("reap");
  expect(await worker.invoke({})).toMatchObject({ kind: "succeeded" });
  expect(metricsOf(worker)).toMatchObject({
    service: "reap",
    RunsCompleted: 1,
    UnknownIndexdVersion: 0,
    LiveLeases: 1,
    RunningLeases: 0,
    QuarantinedSlabs: 0,
    DatabaseConnections: expect.any(Number),
    Backlog: expect.any(Number),
    UnderfundedHosts: 0,
  });
});

test("the bundled claim leases nothing from an indexd that is too old, and sets the metric of the alarm", async () => {
  const slab = await world.storeSlab({ minShards: 1, totalShards: 3 });
  await world.loseSector(slab, 0);
  const { sql } = world.database;
  const leases = async () => (await sql`select slab_id, token from slabmend.leases order by slab_id`).length;
  const before = await leases();
  await sql`update global_settings set db_version = db_version - 1000`;
  try {
    const worker = await start("claim");
    const outcome = await worker.invoke({});
    expect(outcome).toMatchObject({ kind: "failed", how: "handler-error" });
    const printed = metricsOf(worker);
    expect(printed).toMatchObject({ service: "claim", RunsFailed: 1, UnknownIndexdVersion: 1 });
    const { metrics, threshold } = ALARMS["unknown-indexd-version"];
    expect(metrics.refused).toMatchObject({ of: "fleet", service: printed["service"] });
    expect(printed[metrics.refused.name]).toBeGreaterThan(threshold);
    expect(await leases()).toBe(before);
  } finally {
    await sql`update global_settings set db_version = db_version + 1000`;
  }
  const again = await start("claim");
  expect(await again.invoke({})).toMatchObject({ kind: "succeeded" });
  expect(metricsOf(again)).toMatchObject({ RunsCompleted: 1, UnknownIndexdVersion: 0 });
});

test("the bundled claim sends a message per batch of due checks, and the bundled repair makes the checks", async () => {
  const { sql } = world.database;
  await sql`update sectors set next_integrity_check = now() + interval '14 days'`;
  const { hosts } = await world.storeSlab({ minShards: 2, totalShards: 3 });
  const hostIds = hosts.map(({ row }) => row.id);
  await sql`update sectors set next_integrity_check = now() - interval '1 day' where host_id = any (${hostIds})`;
  const [due] = await sql`select count(*)::int as sectors from sectors where next_integrity_check < now()`;
  const checks = await queueServer.createQueues({
    namePrefix: "checks",
    visibilityTimeoutSeconds: 60,
    maxReceiveCount: 5,
  });
  const claim = await start("claim", {
    SLABMEND_VERIFY: "due",
    SLABMEND_CHECK_QUEUE_URL: checks.repairs.url,
  });
  expect(await claim.invoke({})).toMatchObject({ kind: "succeeded" });
  expect(metricsOf(claim)).toMatchObject({ CheckMessagesSent: hosts.length, ChecksFailed: 0 });
  const client = queueServer.createClient();
  const request = { QueueUrl: checks.repairs.url, MaxNumberOfMessages: 10 };
  const { Messages = [] } = await client.send(new ReceiveMessageCommand(request));
  client.destroy();
  expect(Messages).toHaveLength(hosts.length);
  const repair = await start("repair");
  const Records = Messages.map(({ MessageId, Body }) => ({ messageId: MessageId, body: Body }));
  const payload = JSON.stringify({ batchItemFailures: [] });
  expect(await repair.invoke({ Records })).toEqual({ kind: "succeeded", payload });
  const [sums] = await sql`select sum(confirmed)::int as confirmed from slabmend.checks`;
  expect(sums).toEqual({ confirmed: due!["sectors"] });
});

test("each metric of an alarm or of the dashboard is printed by its function with its dimensions", async () => {
  const slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  await blockHost(world.database.sql, slab.hosts[0]!.row.hostKey);
  await world.loseSector(slab, 1);
  const body = encodeRepairMessage(await world.lease(slab), "default");
  const printed = new Set<string>();
  for (const [name, event] of [
    ["repair", { Records: [{ messageId: "one", body }] }],
    ["claim", {}],
    ["reap", {}],
  ] as const) {
    const worker = await start(name);
    expect(await worker.invoke(event)).toMatchObject({ kind: "succeeded" });
    for (const { line } of worker.lines) for (const found of triplesOf(line)) printed.add(found);
  }
  const definitions: AlarmDefinition[] = Object.values(ALARMS);
  const shown: ShownMetric[] = [
    ...definitions.flatMap(({ metrics }) => Object.values(metrics)).filter((metric) => metric.of === "fleet"),
    ...GRAPHS.flatMap(({ metrics }) => metrics),
  ];
  // The metrics MoveSlot… are printed only while the database is moved; test/telemetry/metrics.test.ts tests them.
  const always = shown.filter(({ name }) => !name.startsWith("MoveSlot"));
  const watched = always.map(({ service, name, outcome }) =>
    triple(service, outcome === undefined ? ["service"] : ["service", "outcome"], name),
  );
  expect(watched.length).toBeGreaterThan(30);
  expect(watched.filter((one) => !printed.has(one))).toEqual([]);
});
