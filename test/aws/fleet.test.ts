/**
 * The fleet as `sst deploy` would create it, built on an endpoint: its queues, the zip files that SST makes of the
 * functions, roles with explicit permissions, the queues' mappings and the schedules. The fleet repairs slabs of a real
 * database on real hosts on loopback.
 */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PutRolePolicyCommand } from "@aws-sdk/client-iam";
import {
  GetEventSourceMappingCommand,
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  InvokeCommand,
} from "@aws-sdk/client-lambda";
import { GetScheduleCommand } from "@aws-sdk/client-scheduler";
import {
  GetQueueAttributesCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startScheduler } from "../../dev/aws/scheduler.ts";
import { checkRules } from "../../dev/demo/check-rules.ts";
import { ALARMS } from "../../infra/alarm-definitions.ts";
import { FUNCTIONS } from "../../infra/function-settings.ts";
import { CHECK_BATCHES, CHECK_CONCURRENCY, VISIBILITY_TIMEOUT_SECONDS } from "../../infra/limits.ts";
import { invokeFunction } from "../../lib/cli/commands/invoke/invoke-function.ts";
import type { ClaimReport } from "../../lib/jobs/claim/claim-report.ts";
import type { ReapReport } from "../../lib/jobs/reap/reap-report.ts";
import { encodeRepairMessage } from "../../lib/queue/repair-message.ts";
import { evaluate } from "../infra/support/evaluate.ts";
import { graphOf } from "../infra/support/read-graph.ts";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "../support/repair-world.ts";
import { until } from "../support/until.ts";
import { type BuiltGraph, buildGraph } from "./support/build-graph.ts";
import { chosenEndpoints, describeEndpoints } from "./support/chosen-endpoints.ts";
import type { AwsEndpoint } from "./support/endpoint.ts";
import { findMissingServices, KNOWN_MISSING, type MissingService } from "./support/missing-services.ts";

const HOSTS = 8;
const CODE = { minShards: 3, totalShards: 6 };
const CONCURRENCY = 2;
/** A schedule invokes claim within a minute; then claim leases the slab, and repair repairs it. */
const SCHEDULE_LIMIT_MS = 100_000;

describeEndpoints(chosenEndpoints(), (start) => {
  let endpoint: AwsEndpoint;
  let missing: readonly MissingService[];
  let world: RepairWorld;
  let fleet: BuiltGraph;
  let unreachable: string | undefined;

  beforeAll(async () => {
    endpoint = await start();
    missing = await findMissingServices(endpoint);
    if (missing.length > 0) return;
    world = await createRepairWorld({ hosts: HOSTS });
    fleet = await buildFleet(endpoint, world);
    // An endpoint may run functions in containers, where they cannot reach this machine's loopback: then all tests are
    // skipped. But a pinned emulator starts functions outside containers, so if they cannot reach the world, tests must
    // fail.
    if (endpoint.name in KNOWN_MISSING) return;
    unreachable = await invoke("Claim").then(
      () => undefined,
      (error) =>
        /failed: (ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT)$/.exec(messageOf(error))?.[1],
    );
  });
  afterAll(async () => {
    await fleet?.remove();
    await endpoint?.stop();
    // The world is stopped last, because functions keep connections to the world's database open until their processes
    // end.
    await world?.stop();
  });
  beforeEach((context) => {
    if (unreachable !== undefined) {
      context.skip(`${endpoint.name}: its functions cannot reach 127.0.0.1 of this machine (${unreachable})`);
    }
    if (missing.length > 0 && context.task.name !== KNOWN)
      context.skip(`${endpoint.name} has no ${services()}`);
  });

  const services = (): string => missing.map(({ service, answer }) => `${service} (${answer})`).join(", ");
  const idOf = (name: string): string => {
    const found = fleet.created.get(name);
    if (found === undefined) throw new Error(`nothing was built of the name ${name}`);
    return found.id;
  };
  const explain = (): string =>
    endpoint.log
      .slice(-40)
      .map((line) => line.slice(0, 400))
      .join("\n");
  const invoke = async <Report>(name: "Claim" | "Reap"): Promise<Report> =>
    (await invokeFunction(
      fleet.clients.lambda,
      idOf(`Default${name}Function`),
      AbortSignal.timeout(60_000),
    )) as Report;
  const attributesOf = async (name: string) => {
    const command = new GetQueueAttributesCommand({ QueueUrl: idOf(name), AttributeNames: ["All"] });
    return (await fleet.clients.sqs.send(command)).Attributes ?? {};
  };
  const outcomesOf = async ({ digest }: StoredSlab): Promise<string[]> => {
    const rows = await world.database.sql<{ outcome: string }[]>`
      select outcome from slabmend.journal where digest = ${Buffer.from(digest, "hex")} order by finished_at`;
    return rows.map(({ outcome }) => outcome);
  };
  const untilRepaired = async (slab: StoredSlab, limitMs = 30_000): Promise<void> => {
    const isEnded = (outcomes: readonly string[]): boolean => outcomes.length > 0;
    expect(await until(() => outcomesOf(slab), isEnded, { limitMs, explain })).toEqual(["repaired"]);
    expect(await world.wrongSectors(slab)).toEqual([]);
    expect(await checkRules(world.database.sql, { settled: false })).toEqual([]);
  };
  /**
   * Invokes claim repeatedly: one claim may run too soon after the last pass, or before unsent leases may be sent
   * again.
   */
  const claimUntilRepaired = async (slab: StoredSlab): Promise<void> => {
    await until(
      async () => {
        await invoke("Claim");
        return outcomesOf(slab);
      },
      (outcomes) => outcomes.length > 0,
      { limitMs: 60_000, explain },
    );
    await untilRepaired(slab);
  };
  const untilQueueIsEmpty = (name: string) =>
    until(
      () => attributesOf(name),
      (found) =>
        found.ApproximateNumberOfMessages === "0" && found.ApproximateNumberOfMessagesNotVisible === "0",
      { limitMs: 90_000, explain },
    );
  const damagedSlab = async (): Promise<StoredSlab> => {
    const slab = await world.storeSlab(CODE);
    await world.loseSector(slab, 0);
    await world.loseSector(slab, 4);
    // The last pass over all bad sectors gets an earlier start, so that claim may begin the next pass at once.
    await world.database.sql`update slabmend.walks set pass_started_at = pass_started_at - interval '1 hour'`;
    return slab;
  };

  /** Invokes claim repeatedly, because a scheduled run may have done the work first. */
  const untilClaimFails = (how: RegExp) =>
    until(
      () =>
        invoke("Claim").then(
          () => "it did not fail",
          (error) => String(error),
        ),
      (error) => how.test(error),
      { limitMs: 60_000, explain },
    );

  test(KNOWN, (context) => {
    if (!endpoint.isPinned)
      context.skip(`of ${endpoint.name} it is not known; it has no: ${services() || "-"}`);
    expect(missing.map(({ service }) => service)).toEqual(KNOWN_MISSING[endpoint.name]);
  });

  test("queues, functions, mappings and schedules have the attributes that the deployment gives them", async () => {
    const { lambda, scheduler } = fleet.clients;
    expect(fleet.notBuilt).toEqual(NOT_BUILT);
    expect(await attributesOf("DefaultRepairsQueue")).toMatchObject({
      VisibilityTimeout: String(VISIBILITY_TIMEOUT_SECONDS),
      RedrivePolicy: expect.stringContaining(fleet.created.get("DefaultDeadLettersQueue")!.arn),
    });
    for (const [name, { timeoutSeconds, memoryMb }] of Object.entries(FUNCTIONS)) {
      const FunctionName = idOf(`Default${name.charAt(0).toUpperCase()}${name.slice(1)}Function`);
      expect(await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }))).toMatchObject({
        Runtime: "nodejs24.x",
        Handler: "bundle.handler",
        Timeout: timeoutSeconds,
        MemorySize: memoryMb,
      });
      if (name === "repair") continue;
      expect(await lambda.send(new GetFunctionEventInvokeConfigCommand({ FunctionName }))).toMatchObject({
        MaximumRetryAttempts: 0,
      });
    }
    for (const [queue, BatchSize, MaximumConcurrency] of [
      ["Repairs", 1, CONCURRENCY],
      ["Checks", CHECK_BATCHES, CHECK_CONCURRENCY],
    ] as const) {
      const isOfQueue = (name: string) => name.includes(queue) && name.includes("EventSourceMapping");
      const mapping = [...fleet.created].find(([name]) => isOfQueue(name))![1];
      expect(await lambda.send(new GetEventSourceMappingCommand({ UUID: mapping.id }))).toMatchObject({
        BatchSize,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
        ScalingConfig: { MaximumConcurrency },
      });
    }
    for (const name of ["DefaultClaimScheduleSchedule", "DefaultReapScheduleSchedule"]) {
      expect(await scheduler.send(new GetScheduleCommand({ Name: idOf(name) }))).toMatchObject({
        ScheduleExpression: "rate(1 minute)",
        State: "ENABLED",
      });
    }
  });

  test("claim, when invoked, leases a slab, and the event source mapping passes the slab's message to repair", async () => {
    const slab = await damagedSlab();
    const report = await until(
      () => invoke<ClaimReport>("Claim"),
      ({ leased }) => leased > 0,
      { explain },
    );
    expect(report).toMatchObject({ leased: 1, sent: 1, refused: 0 });
    await untilRepaired(slab);
    await untilQueueIsEmpty("DefaultRepairsQueue");
  });

  test("claim sends due checks, and the mapping of the check queue passes them to repair", async () => {
    const { sql } = world.database;
    const slab = await world.storeSlab(CODE);
    const sectorIds = slab.sectors.map(({ id }) => String(id));
    await sql`update sectors set next_integrity_check = now() - interval '1 day' where id = any (${sectorIds}::bigint[])`;
    await invoke("Claim");
    const left = async () => {
      const [row] = await sql<{ due: number }[]>`
        select count(*)::int as due from sectors where next_integrity_check < now() + interval '13 days'`;
      return row!.due;
    };
    await until(left, (due) => due === 0, { explain });
    const [sums] =
      await sql`select sum(confirmed)::int as confirmed, sum(denied)::int as denied from slabmend.checks`;
    expect(sums).toEqual({ confirmed: slab.sectors.length, denied: 0 });
    await untilQueueIsEmpty("DefaultChecksQueue");
  });

  test("claim runs when the local scheduler sends an Event invocation", async () => {
    const slab = await damagedSlab();
    const problems: unknown[] = [];
    const scheduler = startScheduler({
      invoke: (FunctionName, event) => {
        const Payload = Buffer.from(event);
        fleet.clients.lambda
          .send(new InvokeCommand({ FunctionName, InvocationType: "Event", Payload }))
          .catch((error) => problems.push(error));
      },
      schedules: [{ functionName: idOf("DefaultClaimFunction"), everyMs: 1_500, firstAfterMs: 0 }],
      onError: (_name, error) => problems.push(error),
    });
    try {
      await untilRepaired(slab);
    } finally {
      scheduler.stop();
    }
    expect(problems).toEqual([]);
  });

  test("a message whose repair never begins is redelivered soon, becomes a dead letter, and is stored by reap", {
    timeout: 180_000,
  }, async () => {
    const { sql } = world.database;
    const QueueUrl = idOf("DefaultRepairsQueue");
    const { RedrivePolicy: deployed } = await attributesOf("DefaultRepairsQueue");
    const setRedrive = (RedrivePolicy: string) =>
      fleet.clients.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { RedrivePolicy } }));
    // In a deployment a message becomes a dead letter after five receives, which take a quarter of an hour; here after
    // one. The message moves to the dead-letter queue when it would be delivered again. The function returned the
    // message, so this happens soon; otherwise the queue would hide the message for half an hour.
    await setRedrive(JSON.stringify({ ...JSON.parse(deployed!), maxReceiveCount: 1 }));
    try {
      const { MessageId } = await fleet.clients.sqs.send(
        new SendMessageCommand({ QueueUrl, MessageBody: '{"v":7}' }),
      );
      await until(
        () => attributesOf("DefaultDeadLettersQueue"),
        (found) => found.ApproximateNumberOfMessages === "1",
        { limitMs: 90_000, explain },
      );
      // A scheduled run of reap may have stored the dead letter already.
      await until(
        async () => {
          await invoke<ReapReport>("Reap");
          return sql`select message_id from slabmend.dead_letters`;
        },
        (rows) => rows.length > 0,
        { explain },
      );
      expect(await sql`select message_id, body, cause from slabmend.dead_letters`).toEqual([
        { message_id: MessageId, body: '{"v":7}', cause: "message-unknown-version" },
      ]);
      await untilQueueIsEmpty("DefaultDeadLettersQueue");
      await untilQueueIsEmpty("DefaultRepairsQueue");
      const [letter] = await sql<
        { receive_count: number }[]
      >`select receive_count from slabmend.dead_letters`;
      expect(letter!.receive_count).toBeGreaterThanOrEqual(1);
    } finally {
      await setRedrive(deployed!);
      await sql`delete from slabmend.dead_letters`;
    }
  });

  test("repair receives and drops duplicate messages and a message whose lease has ended", async () => {
    const slab = await damagedSlab();
    const task = await world.lease(slab);
    const body = encodeRepairMessage(task, "default");
    const QueueUrl = idOf("DefaultRepairsQueue");
    for (let copy = 0; copy < 3; copy += 1) {
      await fleet.clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
    }
    await untilRepaired(slab);
    await fleet.clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
    await untilQueueIsEmpty("DefaultRepairsQueue");
    expect(await outcomesOf(slab)).toEqual(["repaired"]);
    expect((await attributesOf("DefaultDeadLettersQueue")).ApproximateNumberOfMessages).toBe("0");
  });

  test("claim reports a missing permission to send, and sends the leased slabs once the permission is back", async (context) => {
    if (!endpoint.checksPermissions) context.skip(`${endpoint.name} is not known to check permissions`);
    const RoleName = idOf("DefaultClaimRole");
    const put = (effect: "Allow" | "Deny") =>
      fleet.clients.iam.send(
        new PutRolePolicyCommand({
          RoleName,
          PolicyName: "inline",
          PolicyDocument: JSON.stringify({
            Version: "2012-10-17",
            Statement: [
              {
                Effect: effect,
                Action: "sqs:SendMessage*",
                Resource: fleet.created.get("DefaultRepairsQueue")!.arn,
              },
            ],
          }),
        }),
      );
    const slab = await damagedSlab();
    await put("Deny");
    try {
      await untilClaimFails(/could not send to the queue: AccessDenied/);
      expect(await outcomesOf(slab)).toEqual([]);
    } finally {
      await put("Allow");
    }
    await claimUntilRepaired(slab);
  });

  test("while indexd's version is too old, claim leases nothing, fails, and sets the metric of the alarm", async () => {
    const { sql } = world.database;
    const slab = await damagedSlab();
    await sql`update global_settings set db_version = db_version - 1001`;
    try {
      await untilClaimFails(/version/);
      if (endpoint.log.length > 0) {
        const { name } = ALARMS["unknown-indexd-version"].metrics.refused;
        const isAlarming = (line: string): boolean =>
          line.includes(`"${name}":1`) && line.includes('"service":"claim"');
        await until(
          async () => endpoint.log.some(isAlarming),
          (isPrinted) => isPrinted,
          { explain },
        );
      }
      expect(
        await sql`select 1 from slabmend.leases where digest = ${Buffer.from(slab.digest, "hex")}`,
      ).toEqual([]);
    } finally {
      await sql`update global_settings set db_version = db_version + 1001`;
    }
    await claimUntilRepaired(slab);
  });

  test(
    "the deployed schedules invoke claim and reap",
    async () => {
      const slab = await damagedSlab();
      await fleet.clients.sqs.send(
        new SendMessageCommand({ QueueUrl: idOf("DefaultDeadLettersQueue"), MessageBody: "canary" }),
      );
      await untilRepaired(slab, SCHEDULE_LIMIT_MS);
      await until(
        () => world.database.sql`select body from slabmend.dead_letters`,
        (rows) => rows.length === 1 && rows[0]!["body"] === "canary",
        { limitMs: SCHEDULE_LIMIT_MS, explain },
      );
    },
    2 * SCHEDULE_LIMIT_MS,
  );

  test("the functions print no secret", (context) => {
    if (endpoint.log.length === 0)
      context.skip(`what the functions of ${endpoint.name} print is not ours to read`);
    const printed = endpoint.log.join("\n");
    expect(printed).toContain("a repair ended");
    const { SLABMEND_DATABASE_URL, SLABMEND_MIGRATION_SEED } = world.variables;
    for (const secret of [new URL(SLABMEND_DATABASE_URL!).password, SLABMEND_MIGRATION_SEED!]) {
      expect(printed.includes(secret)).toBe(false);
    }
  });
});

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const KNOWN = "the emulator lacks exactly the features that are listed as missing";

/**
 * Types of resources that are not built: alarms and budgets, because an emulator would only store them, and objects for
 * zip files, because the zip files are passed directly to the functions.
 */
const NOT_BUILT: readonly string[] = [
  "aws:budgets/budget:Budget",
  "aws:cloudwatch/dashboard:Dashboard",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:cloudwatch/metricAlarm:MetricAlarm",
  "aws:s3/bucketObjectv2:BucketObjectv2",
  "aws:sns/topic:Topic",
  "aws:sns/topicPolicy:TopicPolicy",
  "aws:sns/topicSubscription:TopicSubscription",
  "pulumi:pulumi:Stack",
  "random:index/randomBytes:RandomBytes",
];

/** Evaluates sst.config.ts for the world's database and hosts, and creates the resulting resources on the endpoint. */
async function buildFleet(endpoint: AwsEndpoint, world: RepairWorld): Promise<BuiltGraph> {
  const { SLABMEND_DATABASE_URL, SLABMEND_MIGRATION_SEED, ...chosen } = world.variables;
  const zipFiles = new Map<string, Buffer>();
  const evaluation = await evaluate(
    {
      // A name that no deployment uses.
      stage: `test-${randomBytes(4).toString("hex")}`,
      environment: {
        ...chosen,
        SLABMEND_ALARM_EMAIL: "operator@example.com",
        SLABMEND_REPAIR_CONCURRENCY: String(CONCURRENCY),
        SLABMEND_INDEXD_GRACE_SECONDS: "0",
        SLABMEND_VERIFY: "due",
        SLABMEND_LOG_LEVEL: "info",
      },
      secrets: { DefaultDatabaseUrl: SLABMEND_DATABASE_URL!, DefaultMigrationSeed: SLABMEND_MIGRATION_SEED! },
    },
    async (folder) => {
      const artifacts = join(folder, "work/artifacts");
      for (const name of await readdir(artifacts)) {
        zipFiles.set(name, await readFile(join(artifacts, name, "code.zip")));
      }
    },
  );
  return buildGraph(graphOf(evaluation), endpoint, zipFiles);
}
