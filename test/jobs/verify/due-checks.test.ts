/** Due checks against hosts on loopback, a real database and a real queue server. */
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { Context, SQSEvent } from "aws-lambda";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type QueueServer, startQueueServer } from "../../../dev/aws/queue-server.ts";
import { createRepairHandler } from "../../../functions/repair.ts";
import { systemClock } from "../../../lib/clock/clock.ts";
import { parseEnvironment } from "../../../lib/config/parse-environment.ts";
import type { Ask } from "../../../lib/database/client/deadline-client.ts";
import { resumeLeasing, stopLeasing } from "../../../lib/database/fleet/fleet-mode.ts";
import {
  claimDueChecks,
  type DueBatch,
  readDueBatch,
  recordDueChecks,
} from "../../../lib/database/verify/due-checks.ts";
import type { DueStep } from "../../../lib/jobs/verify/due-checks.ts";
import { sendDueChecks } from "../../../lib/jobs/verify/send-due-checks.ts";
import { createCheckQueue } from "../../../lib/queue/check-queue.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import type { MetricValues } from "../../../lib/telemetry/metric-names.ts";
import { openDueChecks } from "../../../lib/worker/open-due-checks.ts";
import { MAINTENANCE_VARIABLES } from "../../../lib/worker/open-maintenance.ts";
import {
  createRepairWorld,
  type RepairWorld,
  type StoredSlab,
  type WorldHost,
} from "../../support/repair-world.ts";
import { seedHost } from "../../support/seed-indexd.ts";

let world: RepairWorld;
let slab: StoredSlab;
/** This host has three sectors, the others one each. */
let host: WorldHost;

beforeAll(async () => {
  world = await createRepairWorld({ hosts: 4 });
  slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  host = slab.hosts[0]!;
  for (let n = 0; n < 2; n += 1) await world.storeSlab({ minShards: 1, totalShards: 1, on: [host] });
});
afterAll(() => world?.stop());
beforeEach(async () => {
  const { sql } = world.database;
  await world.heal();
  await sql`truncate slabmend.denials, slabmend.checks, slabmend.silent_hosts`;
  await sql`delete from stats_deltas`;
  await sql`update sectors set next_integrity_check = now() - interval '1 hour', consecutive_failed_checks = 2`;
});

const SECTORS = 6;
const verify = { acceptedVersion: undefined, clock: systemClock };
const ask: Ask = (statements) => statements(world.database.sql);
const never = new AbortController().signal;

function open(step?: (name: DueStep) => void | Promise<void>) {
  const metrics: MetricValues[] = [];
  const checks = openDueChecks({
    environment: parseEnvironment(MAINTENANCE_VARIABLES, world.variables),
    ask,
    clock: systemClock,
    logger: createLogger("silent", { indexer: "default" }),
    signal: never,
    onMetrics: (values) => metrics.push(values),
    ...(step === undefined ? {} : { step }),
  });
  return { checks, metrics };
}

async function make(step?: (name: DueStep) => void | Promise<void>): Promise<number> {
  const { checks } = open(step);
  return await checks.make(60_000).finally(() => checks.close());
}

/** For each sector of the host: in how many days it is due, rounded to half days, and its consecutive failed checks. */
const sectorsOf = async (where: WorldHost) =>
  (
    await world.database.sql<{ days: number; failed: number }[]>`
      select round(extract(epoch from next_integrity_check - now()) / 43200)::float8 / 2 as days,
        consecutive_failed_checks::integer as failed
      from sectors where host_id = ${where.row.id} order by 1 desc, 2`
  ).map(({ days, failed }) => [days, failed]);
const sums = async () => {
  const [row] = await world.database.sql`
    select sum(confirmed)::integer as confirmed, sum(denied)::integer as denied, sum(superseded)::integer as superseded,
      sum(wrong_data)::integer as "wrongData", sum(unanswered)::integer as unanswered, sum(hastings) > 0 as paid
    from slabmend.checks`;
  return row;
};
const counted = async () =>
  (
    await world.database
      .sql`select stat_name as name, sum(stat_delta)::integer as delta from stats_deltas group by 1`
  ).map(({ name, delta }) => [name, delta]);
const claim = async (): Promise<DueBatch> =>
  (await claimDueChecks(world.database.sql, { hostId: host.row.id, most: 100 }, verify))!;
const claimEnds = () => world.database.sql`
  update sectors set next_integrity_check = now() - interval '1 second' where host_id = ${host.row.id}`;

test("exactly the due sectors are checked, and in the same way as indexd checks them", async () => {
  const { sql } = world.database;
  const other = slab.hosts[1]!;
  await sql`update sectors set next_integrity_check = now() + interval '1 day' where host_id = ${other.row.id}`;
  expect(await make()).toBe(SECTORS - 1);
  expect(await sectorsOf(host)).toEqual([
    [14, 0],
    [14, 0],
    [14, 0],
  ]);
  expect(await sectorsOf(other)).toEqual([[1, 2]]);
  expect(await counted()).toEqual([["num_sectors_checked", SECTORS - 1]]);
  expect(await sums()).toMatchObject({ confirmed: SECTORS - 1, denied: 0, unanswered: 0, paid: true });
  expect(await make()).toBe(0);
});

test("a denied sector is due again in 12 hours; after wrong data or silence the claim's due time stays", async () => {
  const { sql } = world.database;
  const [, liar, silent] = slab.hosts;
  await host.swarm.setSwitches({ losesSectors: [slab.sectors[0]!.root] });
  await liar!.swarm.setSwitches({ sendsWrongProofs: true });
  await silent!.swarm.setSwitches({ availability: "offline" });
  await make();
  expect(await sectorsOf(host)).toEqual([
    [14, 0],
    [14, 0],
    [0.5, 2],
  ]);
  expect(await sectorsOf(liar!)).toEqual([[0, 2]]);
  expect(await sectorsOf(silent!)).toEqual([[0, 2]]);
  expect(await sql`select host_id, state, whole_denied_at from slabmend.denials`).toEqual([
    { host_id: host.row.id, state: "open", whole_denied_at: null },
  ]);
  expect(await counted()).toEqual([["num_sectors_checked", 3]]);
  expect(await sums()).toMatchObject({ confirmed: 3, denied: 1, wrongData: 1, unanswered: 1 });
});

test("a silent host is skipped for longer after each silent batch, until it answers", async () => {
  const { sql } = world.database;
  const silence = () => sql`
    select batches::integer, round(extract(epoch from until - now()) / 1800)::integer as halfhours from slabmend.silent_hosts`;
  await host.swarm.setSwitches({ availability: "offline" });
  await make();
  expect(await silence()).toEqual([{ batches: 1, halfhours: 1 }]);
  await claimEnds();
  // The sectors of the other hosts are checked already, and this host is not asked.
  expect(await make()).toBe(0);
  for (const halfhours of [2, 4, 8, 8]) {
    await sql`update slabmend.silent_hosts set until = now() - interval '1 second'`;
    await claimEnds();
    await make();
    expect((await silence())[0]).toMatchObject({ halfhours });
  }
  await sql`update slabmend.silent_hosts set until = now() - interval '1 second'`;
  await claimEnds();
  await host.swarm.setSwitches({ availability: "online" });
  expect(await make()).toBe(3);
  expect(await silence()).toEqual([]);
});

test("a duplicate batch is recorded once, a late batch is not recorded, and a lost batch is claimed again", async () => {
  const { sql } = world.database;
  const { checks, metrics } = open();
  const confirmedBy = () =>
    metrics.splice(0).map(({ ChecksConfirmed, ChecksSuperseded }) => [ChecksConfirmed, ChecksSuperseded]);
  try {
    const twice = await claim();
    expect(await checks.check(twice)).toBe(3);
    expect(await checks.check(twice)).toBe(0);
    expect(confirmedBy()).toEqual([[3, 0]]);

    await claimEnds();
    const atOnce = await claim();
    const both = await Promise.all([checks.check(atOnce), checks.check(atOnce)]);
    expect(confirmedBy().reduce((sum, [confirmed]) => sum + confirmed!, 0)).toBe(3);
    expect(Math.max(...both)).toBe(3);

    // The late batch arrives when the half hour of its claim is over and indexd has claimed its sectors.
    await claimEnds();
    const late = await claim();
    await sql`update sectors set next_integrity_check = now() + interval '20 minutes' where host_id = ${host.row.id}`;
    expect(await checks.check(late)).toBe(0);
    expect(await sectorsOf(host)).toEqual(Array.from({ length: 3 }, () => [0, 0]));

    await claimEnds();
    const lost = await claim();
    expect(await claimDueChecks(sql, { hostId: host.row.id, most: 100 }, verify)).toBeUndefined();
    await claimEnds();
    expect((await claim()).sectorIds).toEqual(lost.sectorIds);
    expect(confirmedBy()).toEqual([]);
    expect(await counted()).toEqual([["num_sectors_checked", 6]]);
  } finally {
    await checks.close();
  }
});

test("checks are counted once even if the database's answer to their recording was lost", async () => {
  const { sql } = world.database;
  const sectors = await readDueBatch(sql, await claim());
  let answers = 0;
  const losing = (async (...statement: Parameters<typeof sql>) => {
    const rows = await sql(...statement);
    if (answers++ > 0) return rows;
    throw Object.assign(new Error("lost"), { code: "CONNECTION_CLOSED" });
  }) as unknown as typeof sql;
  const request = { hostId: host.row.id, confirmed: sectors, denied: [], wrongData: 0, unanswered: 0 };
  await recordDueChecks(losing, { ...request, hastings: 7n }, verify).catch(() => {});
  expect(await sums()).toMatchObject({ confirmed: 3, superseded: 0 });
  expect(await sql`select hastings::text from slabmend.checks`).toEqual([{ hastings: "7" }]);
});

test("sectors that indexd checked or moved during a due check keep indexd's values", async () => {
  const { sql } = world.database;
  const [moved, checked] = await sql<{ id: string }[]>`
    select id::text from sectors where host_id = ${host.row.id} order by sector_root`;
  const batch = await claim();
  const { checks, metrics } = open(async (name) => {
    if (name !== "due-asked") return;
    await sql`update sectors set next_integrity_check = now() + interval '12 hours', consecutive_failed_checks = 3
      where id = ${checked!.id}`;
    await sql`update sectors set host_id = ${slab.hosts[1]!.row.id} where id = ${moved!.id}`;
  });
  try {
    await checks.check(batch);
    expect(metrics).toMatchObject([{ ChecksConfirmed: 1, ChecksSuperseded: 2 }]);
    expect(await sectorsOf(host)).toEqual([
      [14, 0],
      [0.5, 3],
    ]);
  } finally {
    await checks.close();
    await sql`update sectors set host_id = ${host.row.id} where id = ${moved!.id}`;
  }
});

test.each(["due-claimed", "due-asked", "due-recorded"] as const)(
  "after a kill at %s each checked sector is counted once",
  async (dies) => {
    const { sql } = world.database;
    await expect(
      make((name) => {
        if (name === dies) throw new Error("killed");
      }),
    ).rejects.toThrow("killed");
    await sql`update sectors set next_integrity_check = now() - interval '1 second'
      where next_integrity_check < now() + interval '1 hour'`;
    await make();
    expect(await counted()).toEqual([["num_sectors_checked", SECTORS]]);
    expect(await sums()).toMatchObject({ confirmed: SECTORS, superseded: 0 });
  },
);

test("locked sectors are skipped without waiting", async () => {
  const { sql } = world.database;
  const [first] = await sql<
    { id: string }[]
  >`select id::text from sectors where host_id = ${host.row.id} order by id`;
  await sql.begin(async (other) => {
    await other`select from sectors where id = ${first!.id} for update`;
    expect((await claim()).sectorIds).toHaveLength(2);
  });
});

test("a paused fleet claims no due checks, and drops batches claimed before the pause", async () => {
  const { sql } = world.database;
  const batch = await claim();
  await stopLeasing(sql, { kind: "paused", owner: "test" });
  const { checks } = open();
  try {
    expect(await checks.check(batch)).toBe(0);
    expect(await checks.make(1_000)).toBe(0);
    expect(await counted()).toEqual([]);
  } finally {
    await resumeLeasing(sql, "paused");
    await checks.close();
  }
});

test("simultaneous denials by many hosts are not believed, and the sectors keep the due time set by our claim", async () => {
  const { sql } = world.database;
  for (let n = 0; n < 5; n += 1) {
    const { id, hostKey } = await seedHost(sql);
    await sql`insert into slabmend.host_scores (host_key, successes, faded_at)
      values (${Buffer.from(hostKey, "hex")}, 5, clock_timestamp())`;
    await sql`insert into slabmend.denials (sector_id, host_id, root, uploaded_at, code, denials, first_denied_at, counted_at,
        last_denied_at, state)
      values (${1_000_000 + n}, ${id}, ${Buffer.alloc(32)}, now(), 'not-found', 1, now(), now(), now(), 'open')`;
  }
  await host.swarm.setSwitches({ losesSectors: [slab.sectors[0]!.root] });
  await make();
  expect(await sql`select from slabmend.denials where host_id = ${host.row.id}`).toHaveLength(0);
  expect(await sectorsOf(host)).toEqual([
    [14, 0],
    [14, 0],
    [0, 2],
  ]);
  expect(await sums()).toMatchObject({ denied: 0, unanswered: 1 });
});

test("claim sends batches of due checks, and the repair function makes these checks", async () => {
  const server: QueueServer = await startQueueServer();
  const client = server.createClient();
  try {
    const { repairs } = await server.createQueues({
      visibilityTimeoutSeconds: 60,
      maxReceiveCount: 5,
      namePrefix: "checks",
    });
    const queue = createCheckQueue({ client, queueUrl: repairs.url, indexer: "default" });
    const sent = await sendDueChecks({ ask, clock: systemClock, verify, queue }, 30_000);
    expect(sent).toEqual({ messages: 4, sectors: SECTORS });
    expect(await queue.countMessages()).toBe(4);
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl: repairs.url, MaxNumberOfMessages: 10 }),
    );
    const Records = [
      ...Messages,
      { MessageId: "bad", Body: '{"v":1,"kind":"verify","indexer":"default"}' },
    ].map(({ MessageId, Body }) => ({ messageId: MessageId, body: Body }));
    const handler = createRepairHandler({
      variables: { ...world.variables, SLABMEND_QUEUE_URL: repairs.url },
    });
    const context = { awsRequestId: "request", getRemainingTimeInMillis: () => 60_000 } as Context;
    // An unreadable message is dropped. The sectors that the message names become due again, like all sectors whose
    // check is not recorded.
    expect(await handler({ Records } as SQSEvent, context)).toEqual({ batchItemFailures: [] });
    expect(await counted()).toEqual([["num_sectors_checked", SECTORS]]);
    await handler({ Records } as SQSEvent, context);
    expect(await counted()).toEqual([["num_sectors_checked", SECTORS]]);
  } finally {
    client.destroy();
    await server.stop();
  }
});
