/** pause, resume, invoke, dead letters and quarantine against the real functions behind the emulated Lambda and SQS. */
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LOCAL_CREDENTIALS, LOCAL_REGION } from "../../dev/aws/function-definition.ts";
import { FunctionPool } from "../../dev/aws/function-pool.ts";
import { type QueuePair, type QueueServer, startQueueServer } from "../../dev/aws/queue-server.ts";
import { startParentGuard } from "../../dev/process/parent-guard.ts";
import { storeDeadLetters } from "../../lib/database/fleet/store-dead-letters.ts";
import { encodeRepairMessage } from "../../lib/queue/repair-message.ts";
import { useDatabase } from "../support/database.ts";
import { startLambdaEndpoint } from "../support/lambda-endpoint.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedNetwork,
  seedSlab,
} from "../support/seed-indexd.ts";
import { createFleetRole, type FleetRole } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

const stack = new AsyncDisposableStack();
const database = useDatabase();
let role: FleetRole;
let queueServer: QueueServer;
let queues: QueuePair;
let fleet: SeededHost[];
let environment: Record<string, string>;

beforeAll(async () => {
  role = await createFleetRole(database, 20);
  stack.defer(() => role.drop());
  queueServer = await startQueueServer();
  stack.defer(() => queueServer.stop());
  queues = await queueServer.createQueues({ visibilityTimeoutSeconds: 60, maxReceiveCount: 5 });
  const guard = await startParentGuard();
  stack.defer(() => guard.release());
  const functionEnvironment = {
    AWS_ENDPOINT_URL_SQS: queueServer.url,
    SLABMEND_DATABASE_URL: role.url,
    SLABMEND_QUEUE_URL: queues.repairs.url,
    SLABMEND_DEAD_LETTER_QUEUE_URL: queues.deadLetters.url,
    SLABMEND_INDEXD_GRACE_SECONDS: "0",
    SLABMEND_LOG_LEVEL: "trace",
  };
  const pools = (["claim", "reap"] as const).map(
    (name) =>
      new FunctionPool(
        {
          name: `slabmend-${name}`,
          entry: fileURLToPath(new URL(`../../functions/${name}.ts`, import.meta.url)),
          timeoutMs: 20_000,
          maxConcurrency: 1,
          environment: functionEnvironment,
        },
        { guard, onLine: () => {} },
      ),
  );
  for (const pool of pools) stack.defer(() => pool.stop());
  const endpoint = await startLambdaEndpoint(pools);
  stack.defer(() => endpoint.stop());
  environment = {
    ...functionEnvironment,
    AWS_ENDPOINT_URL_LAMBDA: endpoint.url,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    SLABMEND_CLAIM_FUNCTION: "slabmend-claim",
    SLABMEND_REAP_FUNCTION: "slabmend-reap",
  };
  fleet = await seedNetwork(database.sql, { hosts: 8 });
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  const { sql } = database;
  await sql`truncate slabmend.leases, slabmend.repairs, slabmend.dead_letters`;
  await sql`update slabmend.fleet set mode = 'running', mode_owner = null, mode_since = null`;
});

const cli = (...args: string[]) => runCli([...args, "--json"], { environment });

async function brokenSlab(): Promise<SeededSlab> {
  const slab = await seedSlab(database.sql, {
    minShards: 2,
    sectors: [LOST, ...placeOn(fleet.slice(0, 3))],
  });
  await database.sql`
    update slabs set next_repair_attempt = clock_timestamp() - interval '1 minute' where id = ${String(slab.id)}`;
  return slab;
}

describe("invoke, pause and resume", () => {
  test("claim leases nothing during a pause, and continues after resume", async () => {
    await brokenSlab();
    expect(await cli("pause", "--reason", "moving the database")).toMatchObject({
      code: 0,
      json: { changed: true, mode: { kind: "paused", reason: "moving the database" } },
    });
    expect((await cli("pause", "--reason", "other")).json).toMatchObject({
      changed: false,
      reasonChanged: true,
      mode: { kind: "paused", reason: "other" },
    });
    expect((await cli("invoke", "claim")).json).toMatchObject({
      function: "slabmend-claim",
      report: { leased: 0, stopped: "paused" },
    });
    expect((await runCli(["status"], { environment })).out).toMatch(/! paused since .* by .*@[^:]*: other/);

    expect((await cli("resume")).json).toMatchObject({ changed: true, mode: { kind: "running" } });
    expect((await cli("resume")).json).toMatchObject({ changed: false });
    expect((await cli("invoke", "claim")).json).toMatchObject({ report: { leased: 1 } });
    expect((await queueServer.count(queues.repairs)).visible).toBe(1);
    expect((await cli("invoke", "reap")).json).toMatchObject({ report: { freed: 0 } });
    expect((await cli("status")).json).toMatchObject({
      slabs: { unhealthy: 1 },
      margins: [{ margin: 1 }],
      leases: { sent: 1 },
    });
  });

  test("a failed invocation has a remedy", async () => {
    expect(await runCli(["invoke", "repair"], { environment })).toMatchObject({ code: 2 });
    expect(
      await runCli(["invoke", "claim", "--json"], {
        environment: { ...environment, SLABMEND_CLAIM_FUNCTION: "" },
      }),
    ).toMatchObject({ code: 3, error: { code: "variable-missing" } });
    expect(await cli("invoke", "claim", "--function", "nobody")).toMatchObject({
      code: 7,
      error: { code: "aws-unavailable", message: expect.stringContaining("ResourceNotFoundException") },
    });
    await database.sql`update global_settings set db_version = db_version - 1000`;
    expect(await cli("invoke", "claim")).toMatchObject({
      code: 7,
      error: { code: "function-failed", message: expect.stringContaining("or newer, got") },
    });
    await database.sql`update global_settings set db_version = db_version + 1000`;

    await brokenSlab();
    await database.sql.unsafe(`revoke update (host_id) on public.sectors from ${role.name}`);
    for (const name of ["claim", "reap"]) {
      expect(await cli("invoke", name)).toMatchObject({
        code: 7,
        error: {
          code: "function-failed",
          message: expect.stringContaining("update (host_id) on public.sectors"),
        },
      });
    }
    await database.sql.unsafe(`grant update (host_id) on public.sectors to ${role.name}`);
    expect(await database.sql`select from slabmend.leases`).toHaveLength(0);
  });
});

describe("dead letters", () => {
  const lease = async (slab: SeededSlab): Promise<string> => {
    const [row] = await database.sql<{ token: string }[]>`
      insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, sent_at, expires_at, margin)
      select id, digest, now(), now(), now(), now(), now() + interval '1 hour', 0 from slabs where id = ${String(slab.id)}
      returning token::text`;
    return row!.token;
  };
  const letter = (messageId: string, more: { slabId?: bigint; token?: string }) => ({
    messageId,
    body: "{}",
    cause: more.token === undefined ? "message-not-json" : "never-begun",
    receiveCount: 5,
    sentAtMs: undefined,
    ...more,
  });

  test("redrive sends dead letters with a waiting lease, deletes those without one, and keeps unreadable ones", async () => {
    const waiting = await brokenSlab();
    const token = await lease(waiting);
    await storeDeadLetters(database.sql, [
      letter("waits", { slabId: waiting.id, token }),
      letter("over", { slabId: waiting.id, token: randomUUID() }),
      letter("garbage", {}),
    ]);
    const list = await cli("dead-letters", "list");
    expect(list.json).toMatchObject({
      total: 3,
      letters: expect.arrayContaining([
        expect.objectContaining({ messageId: "waits", fate: "can-be-sent" }),
        expect.objectContaining({ messageId: "over", fate: "moot" }),
        expect.objectContaining({ messageId: "garbage", fate: "unreadable" }),
      ]),
    });
    expect(list.out).not.toContain(token);
    expect((await runCli(["dead-letters", "list"], { environment })).out).toContain("3 dead letters");

    const before = (await queueServer.count(queues.repairs)).visible;
    expect(await cli("dead-letters", "redrive")).toMatchObject({
      code: 0,
      json: { sent: 1, moot: 1, discarded: 0, kept: 1 },
    });
    expect((await queueServer.count(queues.repairs)).visible).toBe(before + 1);
    const { Messages: messages = [] } = await queueServer.createClient().send(
      new (await import("@aws-sdk/client-sqs")).ReceiveMessageCommand({
        QueueUrl: queues.repairs.url,
        MaxNumberOfMessages: 10,
      }),
    );
    expect(messages.map(({ Body }) => Body)).toContain(
      encodeRepairMessage({ slabId: waiting.id, digest: waiting.digest, token: token as never }, "default"),
    );
    expect((await cli("dead-letters", "redrive", "garbage", "--discard")).json).toMatchObject({
      discarded: 1,
    });
    expect((await cli("dead-letters", "list")).json).toMatchObject({ total: 0, letters: [] });
    expect(await cli("dead-letters", "redrive", "garbage")).toMatchObject({
      code: 5,
      error: { code: "no-such-dead-letter" },
    });
  });

  test("redrive keeps all dead letters if the queue does not answer", async () => {
    const slab = await brokenSlab();
    await storeDeadLetters(database.sql, [letter("waits", { slabId: slab.id, token: await lease(slab) })]);
    const result = await runCli(["dead-letters", "redrive", "--json"], {
      environment: {
        ...environment,
        AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:1",
        SLABMEND_QUEUE_URL: "http://127.0.0.1:1/0/repairs",
      },
    });
    expect([result.code, result.error?.code]).toEqual([7, "queue-unavailable"]);
    expect((await cli("dead-letters", "list")).json).toMatchObject({ total: 1 });
  });
});

describe("quarantine", () => {
  const quarantine = (slab: SeededSlab) => database.sql`
    insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, crashes, next_repair_attempt,
      quarantined_until, quarantine_reason)
    select id, digest, 'crashed', now(), 3, next_repair_attempt, now() + interval '1 day', '3 repairs in a row crashed'
    from slabs where id = ${String(slab.id)}`;

  test("a slab that is released from quarantine is claimed again", async () => {
    await database.sql`update slabs set next_repair_attempt = now() + interval '1 day'`;
    const [one, two] = [await brokenSlab(), await brokenSlab()];
    for (const slab of [one, two]) await quarantine(slab);
    // A pass over the sectors begins once a minute: make the next pass due now.
    await database.sql`update slabmend.walks set pass_started_at = pass_started_at - interval '1 hour'`;
    expect((await cli("quarantine", "list")).json).toMatchObject({
      total: 2,
      slabs: [{ slabId: String(one.id), reason: "3 repairs in a row crashed" }, { slabId: String(two.id) }],
    });
    await cli("invoke", "claim");
    expect(await database.sql`select from slabmend.leases`).toHaveLength(0);

    const other = await brokenSlab();
    await database.sql`update slabs set next_repair_attempt = now() + interval '1 day' where id = ${String(other.id)}`;
    expect((await cli("quarantine", "release", one.digest, String(other.id))).json).toEqual({
      schemaVersion: 1,
      released: [String(one.id)],
      notQuarantined: [String(other.id)],
    });
    await cli("invoke", "claim");
    expect(await database.sql`select slab_id from slabmend.leases`).toEqual([{ slab_id: String(one.id) }]);
    expect((await cli("quarantine", "release", String(one.id))).error?.code).toBe("not-quarantined");
    const some = await runCli(["quarantine", "release", String(one.id), String(two.id)], { environment });
    expect([some.code, some.out]).toEqual([0, `1 released: ${two.id}; not in quarantine: ${one.id}\n`]);
    await quarantine(await brokenSlab());
    expect((await cli("quarantine", "release", "--all")).json).toEqual({
      schemaVersion: 1,
      released: [expect.any(String)],
      notQuarantined: [],
    });
    expect((await cli("quarantine", "list")).json).toMatchObject({ total: 0, slabs: [] });
  });

  test("quarantine release needs either slabs or --all", async () => {
    for (const args of [[], ["--all", "7"]]) {
      expect((await cli("quarantine", "release", ...args)).error?.code).toBe("bad-argument");
    }
  });
});
