/**
 * `slabmend work` in its own process: from the database, from the queue, draining, and with workers that cannot start.
 */
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { LOCAL_CREDENTIALS, LOCAL_REGION } from "../../dev/aws/function-definition.ts";
import { type QueuePair, type QueueServer, startQueueServer } from "../../dev/aws/queue-server.ts";
import { checkRules } from "../../dev/demo/check-rules.ts";
import { encodeRepairMessage } from "../../lib/queue/repair-message.ts";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "../support/repair-world.ts";
import { untilEqual } from "../support/until.ts";
import { type CliProcess, startCli } from "./cli-process.ts";
import { createFleetRole, type FleetRole } from "./fleet-role.ts";
import { asDocumented } from "./run-cli.ts";

const stack = new AsyncDisposableStack();
let world: RepairWorld;
let role: FleetRole;
let queueServer: QueueServer;
let queues: QueuePair;
let environment: Record<string, string>;
let started: CliProcess[] = [];

beforeAll(async () => {
  world = await createRepairWorld({ hosts: 9 });
  stack.defer(() => world.stop());
  role = await createFleetRole(world.database, 10);
  stack.defer(() => role.drop());
  queueServer = await startQueueServer();
  stack.defer(() => queueServer.stop());
  queues = await queueServer.createQueues({ visibilityTimeoutSeconds: 120, maxReceiveCount: 5 });
  environment = {
    ...world.variables,
    SLABMEND_DATABASE_URL: role.url,
    SLABMEND_INDEXD_GRACE_SECONDS: "0",
    SLABMEND_LOG_LEVEL: "trace",
    SLABMEND_QUEUE_URL: queues.repairs.url,
    AWS_ENDPOINT_URL: queueServer.url,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
  };
});
afterAll(() => stack.disposeAsync());
beforeEach(() => world.heal());
afterEach(async () => {
  for (const { child, ended } of started) {
    child.kill("SIGKILL");
    await ended;
  }
  started = [];
});

function work(...args: string[]): CliProcess {
  const cli = startCli(["work", "--json", ...args], environment);
  started.push(cli);
  return cli;
}

async function brokenSlab(): Promise<StoredSlab> {
  const slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  await world.loseSector(slab, 1);
  await world.database.sql`
    update slabs set next_repair_attempt = clock_timestamp() - interval '1 minute' where id = ${String(slab.id)}`;
  // A pass over the sectors begins once a minute: make the next pass due now.
  await world.database.sql`update slabmend.walks set pass_started_at = pass_started_at - interval '1 hour'`;
  return slab;
}

const countRepaired = async (): Promise<number> =>
  (await world.database.sql`select from slabmend.journal where outcome = 'repaired'`).length;

/** The report of the end: the last line of standard output. */
function lastLine(cli: CliProcess): unknown {
  return asDocumented(["work"], JSON.parse(cli.out().trimEnd().split("\n").at(-1)!));
}

test("work --from-database repairs all slabs, and ends with exit code 0 at SIGTERM", async () => {
  const slabs = [await brokenSlab(), await brokenSlab(), await brokenSlab()];
  const cli = work("--from-database", "--concurrency", "2");
  await cli.meanwhile(untilEqual(countRepaired, 3));
  // No lease waits for a repair, because without a queue each repair begins at once.
  expect(await world.database.sql`select from slabmend.leases`).toHaveLength(0);
  cli.child.kill("SIGTERM");
  expect(await cli.ended).toBe(0);
  expect(lastLine(cli)).toEqual({
    schemaVersion: 1,
    done: true,
    outcomes: { repaired: 3 },
    notBegun: 0,
    crashed: 0,
  });
  for (const slab of slabs) expect(await world.wrongSectors(slab)).toEqual([]);
  expect(await checkRules(world.database.sql, { settled: true })).toEqual([]);
  expect(cli.out() + cli.err()).not.toContain(world.variables["SLABMEND_MIGRATION_SEED"]);
  expect(cli.out() + cli.err()).not.toContain(new URL(role.url).password);
});

test("work repairs the slab of each message in the queue and leaves a malformed message there", async () => {
  const repairedBefore = await countRepaired();
  const slabs = [await brokenSlab(), await brokenSlab()];
  const client = queueServer.createClient();
  const send = (body: string) =>
    client.send(new SendMessageCommand({ QueueUrl: queues.repairs.url, MessageBody: body }));
  await send("no message of ours");
  for (const slab of slabs) await send(encodeRepairMessage(await world.lease(slab), "default"));
  const cli = work("--concurrency", "2");
  await cli.meanwhile(untilEqual(countRepaired, repairedBefore + 2));
  cli.child.kill("SIGTERM");
  expect(await cli.ended).toBe(0);
  expect(lastLine(cli)).toMatchObject({ outcomes: { repaired: 2 }, notBegun: 0, crashed: 0 });
  // The malformed message is invisible until its next delivery; after the last delivery it becomes a dead letter.
  expect(await queueServer.count(queues.repairs)).toEqual({ visible: 0, inFlight: 1 });
  client.destroy();
});

test("with SLABMEND_LOG_FORMAT=lines, work and its workers log text and print no metrics", async () => {
  const repairedBefore = await countRepaired();
  const { id } = await brokenSlab();
  const cli = startCli(["work", "--from-database", "--concurrency", "1"], {
    ...environment,
    SLABMEND_LOG_FORMAT: "lines",
    SLABMEND_METRICS_NAMESPACE: "Test",
  });
  started.push(cli);
  await cli.meanwhile(untilEqual(countRepaired, repairedBefore + 1));
  cli.child.kill("SIGTERM");
  expect(await cli.ended).toBe(0);
  const said = cli.out().trimEnd().split("\n");
  expect(said.find((line) => line.includes("a repair ended"))).toMatch(
    new RegExp(`^[0-9: -]{19} INFO  a repair ended  slab=${id} kind=repaired `),
  );
  expect(said.at(-1)).toBe("done: 1 repaired");
  expect(cli.out()).not.toMatch(/^\{/m);
});

test("after SIGTERM work finishes running repairs and begins no more", async () => {
  const repairedBefore = await countRepaired();
  for (const { swarm } of world.hosts) await swarm.setSwitches({ latencyMs: 100 });
  const slabs = [await brokenSlab(), await brokenSlab()];
  const cli = work("--from-database", "--concurrency", "1");
  const running = () =>
    world.database.sql`select through_queue from slabmend.leases where began_at is not null`;
  await cli.meanwhile(untilEqual(async () => (await running()).length, 1));
  // `through_queue` is false, so claim does not count this lease as a lease for the queue.
  expect(await running()).toEqual([{ through_queue: false }]);
  cli.child.kill("SIGTERM");
  await cli.until("draining");
  expect(await cli.ended).toBe(0);
  expect(lastLine(cli)).toMatchObject({ outcomes: { repaired: 1 }, crashed: 0 });
  expect(await countRepaired()).toBe(repairedBefore + 1);
  // The other slab is free: it has no lease, and its next attempt is due.
  expect(await world.database.sql`select from slabmend.leases`).toHaveLength(0);
  const [free] = await world.database.sql`
    select count(*)::integer as slabs from slabs
    where id = any (${slabs.map(({ id }) => String(id))}::bigint[]) and next_repair_attempt < clock_timestamp()`;
  expect(free).toEqual({ slabs: 1 });
});

test("work reports an unusable configuration before it leases anything", async () => {
  await brokenSlab();
  const { sql } = world.database;
  await sql.unsafe(`revoke update (next_repair_attempt) on public.slabs from ${role.name}`);
  const lacking = work("--from-database");
  expect(await lacking.ended).toBe(4);
  expect(lacking.err()).toContain("update (next_repair_attempt) on public.slabs");
  await sql.unsafe(`grant update (next_repair_attempt) on public.slabs to ${role.name}`);

  environment["SLABMEND_MIGRATION_SEED"] = "00";
  const seedless = work("--from-database");
  expect(await seedless.ended).toBe(3);
  environment["SLABMEND_MIGRATION_SEED"] = world.variables["SLABMEND_MIGRATION_SEED"]!;
  expect(await sql`select from slabmend.leases`).toHaveLength(0);
});
