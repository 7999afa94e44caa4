import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LOCAL_CREDENTIALS, LOCAL_REGION } from "../../dev/aws/function-definition.ts";
import { FunctionPool } from "../../dev/aws/function-pool.ts";
import { startQueueServer } from "../../dev/aws/queue-server.ts";
import { startParentGuard } from "../../dev/process/parent-guard.ts";
import { type MappingDescription, startLambdaEndpoint } from "../support/lambda-endpoint.ts";
import { createRepairWorld, type RepairWorld } from "../support/repair-world.ts";
import { createFleetRole, type FleetRole } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

const stack = new AsyncDisposableStack();
let world: RepairWorld;
let role: FleetRole;
let environment: Record<string, string>;
let mapping: MappingDescription;
let mappings: readonly MappingDescription[];

beforeAll(async () => {
  world = await createRepairWorld({ hosts: 4 });
  stack.defer(() => world.stop());
  role = await createFleetRole(world.database, 10);
  stack.defer(() => role.drop());
  const queueServer = await startQueueServer();
  stack.defer(() => queueServer.stop());
  const queues = await queueServer.createQueues({ visibilityTimeoutSeconds: 60, maxReceiveCount: 5 });
  const guard = await startParentGuard();
  stack.defer(() => guard.release());
  const pools = (["claim", "repair", "reap"] as const).map(
    (name) =>
      new FunctionPool(
        {
          name: `slabmend-${name}`,
          entry: fileURLToPath(new URL(`../../functions/${name}.ts`, import.meta.url)),
          timeoutMs: 20_000,
          maxConcurrency: 1,
          environment: {},
        },
        { guard, onLine: () => {} },
      ),
  );
  for (const pool of pools) stack.defer(() => pool.stop());
  const endpoint = await startLambdaEndpoint(pools, () => mappings);
  stack.defer(() => endpoint.stop());
  mapping = {
    functionName: "slabmend-repair",
    queueArn: queues.repairs.arn,
    maximumConcurrency: 10,
    state: "Enabled",
  };
  mappings = [mapping];
  environment = {
    ...world.variables,
    AWS_ENDPOINT_URL_LAMBDA: endpoint.url,
    SLABMEND_CLAIM_FUNCTION: "slabmend-claim",
    SLABMEND_REPAIR_FUNCTION: "slabmend-repair",
    SLABMEND_REAP_FUNCTION: "slabmend-reap",
    SLABMEND_DATABASE_URL: role.url,
    SLABMEND_QUEUE_URL: queues.repairs.url,
    SLABMEND_DEAD_LETTER_QUEUE_URL: queues.deadLetters.url,
    AWS_ENDPOINT_URL: queueServer.url,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
  };
});
afterAll(() => stack.disposeAsync());

interface Report {
  readonly failures: number;
  readonly checks: readonly {
    readonly code: string;
    readonly level: string;
    readonly remedy: string | null;
  }[];
}

async function doctor(changes: Record<string, string | undefined> = {}, ...args: string[]) {
  const result = await runCli(["doctor", "--concurrency", "10", "--json", ...args], {
    environment: { ...environment, ...changes },
  });
  const { checks, failures } = result.json as Report;
  // Each warning and failure must have a remedy.
  expect(
    checks.filter(({ level, remedy }) => (level === "warning" || level === "failure") && !remedy),
  ).toEqual([]);
  expect(failures > 0).toBe(result.code === 6);
  expect(result.out + result.err).not.toContain(world.variables["SLABMEND_MIGRATION_SEED"]);
  expect(result.out + result.err).not.toContain(new URL(role.url).password);
  const levels = Object.fromEntries(checks.map(({ code, level }) => [code, level]));
  return { code: result.code, levels, text: result.out };
}

test("doctor reports no failure in a healthy fleet", async () => {
  const { code, levels } = await doctor();
  expect(levels).toEqual({
    variables: "ok",
    database: "ok",
    tls: "ok",
    postgresql: "ok",
    clock: "ok",
    timeouts: "ok",
    writes: "ok",
    settings: "ok",
    connections: "ok",
    pooler: "ok",
    indexd: "ok",
    schema: "ok",
    privileges: "ok",
    mode: "ok",
    claims: "warning",
    network: "ok",
    hosts: "ok",
    account: "ok",
    queue: "ok",
    "dead-letter-queue": "ok",
    "function-claim": "ok",
    "function-repair": "ok",
    "function-reap": "ok",
    mapping: "ok",
  });
  expect(code).toBe(0);
  const { out } = await runCli(["doctor", "--hosts", "0"], { environment });
  expect(out).toContain("0 failures");
});

test("doctor reports functions that do not exist, and skips a function that no variable names", async () => {
  const missing = await doctor(
    { SLABMEND_REAP_FUNCTION: "nobody", SLABMEND_REPAIR_FUNCTION: "nobody" },
    "--hosts",
    "0",
  );
  expect(missing.levels).toMatchObject({
    "function-claim": "ok",
    "function-repair": "failure",
    "function-reap": "failure",
    mapping: "failure",
  });
  expect((await doctor({ SLABMEND_REPAIR_FUNCTION: undefined }, "--hosts", "0")).levels).toMatchObject({
    "function-repair": "skipped",
    mapping: "skipped",
  });
});

test.each<[string, (good: MappingDescription) => readonly MappingDescription[], string, RegExp]>([
  ["none", () => [], "failure", /no mapping takes messages/],
  [
    "of another queue",
    (good) => [{ ...good, queueArn: `${good.queueArn}-other` }],
    "failure",
    /no mapping takes messages/,
  ],
  ["disabled", (good) => [{ ...good, state: "Disabled" }], "failure", /is Disabled/],
  [
    "of another concurrency",
    (good) => [{ ...good, maximumConcurrency: 40 }],
    "warning",
    /40 simultaneous repairs, but the other checks assumed 10/,
  ],
  ["twice", (good) => [good, good], "warning", /2 mappings/],
])("the queue's mapping to repair: %s", async (_name, change, level, says) => {
  mappings = change(mapping);
  const { levels, text } = await doctor({}, "--hosts", "0");
  mappings = [mapping];
  expect(levels["mapping"]).toBe(level);
  expect(text).toMatch(says);
});

test("doctor uses the stage's concurrency unless an option overrides it", async () => {
  const result = await runCli(["doctor", "--json", "--hosts", "0"], {
    environment: { ...environment, SLABMEND_REPAIR_CONCURRENCY: "10" },
  });
  const { checks } = result.json as Report;
  expect(checks.filter(({ code }) => code === "mapping" || code === "connections")).toMatchObject([
    { level: "ok" },
    { level: "ok" },
  ]);
  const malformed = await runCli(["doctor", "--json"], {
    environment: { ...environment, SLABMEND_REPAIR_CONCURRENCY: "many" },
  });
  expect([malformed.code, malformed.error?.code]).toEqual([3, "configuration"]);
});

test("doctor reports that the account of another wallet's seed has no funds", async () => {
  const { code, levels, text } = await doctor({ SLABMEND_MIGRATION_SEED: randomBytes(32).toString("hex") });
  expect([code, levels["hosts"], levels["account"]]).toEqual([6, "ok", "failure"]);
  expect(text).toMatch(/derive-seed with the URL of the database's owner/);
});

test("doctor reports a seed of the wrong size, a misspelt variable, and missing variables", async () => {
  const malformed = await doctor({ SLABMEND_MIGRATION_SEED: "5e".repeat(31) });
  expect([malformed.code, malformed.levels["variables"]]).toEqual([6, "failure"]);
  expect(malformed.text).not.toContain("5e5e");
  expect((await doctor({ SLABMEND_MAX_INFLIGHT: "3" }, "--hosts", "0")).levels["variables"]).toBe("warning");
  expect((await doctor({ SLABMEND_MIGRATION_SEED: undefined })).levels).toMatchObject({
    hosts: "ok",
    account: "skipped",
  });
});

test("doctor dials hosts at private addresses only if SLABMEND_ALLOW_PRIVATE_ADDRESSES is true", async () => {
  const { code, levels } = await doctor({ SLABMEND_ALLOW_PRIVATE_ADDRESSES: "false" });
  expect([code, levels["hosts"], levels["account"]]).toEqual([6, "failure", "skipped"]);
});

test("doctor warns that the owner's role has too many privileges", async () => {
  const { levels } = await doctor({ SLABMEND_DATABASE_URL: world.database.url }, "--hosts", "0");
  expect(levels).toMatchObject({ privileges: "warning", timeouts: "warning", connections: "warning" });
});

test("doctor reports a missing privilege, a pause, an unknown version of indexd and a missing queue", async () => {
  const { sql } = world.database;
  await sql.unsafe(`revoke select (encryption_key) on public.slabs from ${role.name}`);
  await sql`update slabmend.fleet set mode = 'paused', mode_owner = 'test', mode_since = now()`;
  const lacking = await doctor(
    { SLABMEND_QUEUE_URL: `${environment["SLABMEND_QUEUE_URL"]}-other` },
    "--hosts",
    "0",
  );
  expect(lacking.levels).toMatchObject({ privileges: "failure", mode: "warning", queue: "failure" });
  expect(lacking.text).toContain("select (encryption_key) on public.slabs");
  await sql.unsafe(`grant select (encryption_key) on public.slabs to ${role.name}`);
  await sql`update slabmend.fleet set mode = 'running', mode_owner = null, mode_since = null`;

  await sql.unsafe(
    "alter table sectors add column meaning text; update global_settings set db_version = db_version + 1000",
  );
  const changed = await doctor();
  expect(changed.levels).toMatchObject({ indexd: "failure", schema: "ok", hosts: "skipped" });
  expect(changed.text).toContain("column sectors.meaning: expected none, got text");
  await sql.unsafe("alter table sectors drop column meaning");
  const identical = await doctor({}, "--hosts", "0");
  expect(identical.levels).toMatchObject({ indexd: "warning", schema: "ok" });
  await sql`update global_settings set db_version = db_version - 1000`;
});

test("doctor reports an unusable database in one check and still makes the other checks", async () => {
  for (const url of ["postgres://u@127.0.0.1:1/x", "postgres://u:p@8.8.8.8/x", undefined]) {
    const { code, levels } = await doctor({ SLABMEND_DATABASE_URL: url });
    expect([code, levels["database"], levels["queue"]]).toEqual([6, "failure", "ok"]);
  }
});
