/**
 * Runs repairs and failures of every kind with recognisable secrets, then searches all output of the functions for
 * these secrets: logs at the most verbose level, answers, messages, dead letters, and all rows of slabmend's tables.
 */
import { randomBytes } from "node:crypto";
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { createAccountToken } from "../../lib/rhp4/account-token.ts";
import { createKillWorld, type KillWorld, sendDeadLetter } from "../support/kill-world.ts";
import type { StoredSlab } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";
import { type Secret, searchSecrets, type Trace } from "./search-secrets.ts";

const password = `canary-password-${randomBytes(12).toString("hex")}`;
const role = `canary_${randomBytes(4).toString("hex")}`;
let kill: KillWorld;
let databaseUrl: string;

beforeAll(async () => {
  kill = await createKillWorld({ hosts: 8 });
  const { sql, url } = kill.world.database;
  await sql.unsafe(`create role ${role} login superuser password '${password}'`);
  const own = new URL(url);
  own.username = role;
  own.password = password;
  databaseUrl = own.href;
});
afterAll(async () => {
  await kill.world.database.sql.unsafe(`drop role ${role}`);
  await kill.stop();
});

const CODE = { minShards: 2, totalShards: 4 } as const;
const slabs: StoredSlab[] = [];

async function store(spoil?: (index: number, data: Buffer) => void): Promise<StoredSlab> {
  const slab = await kill.world.storeSlab({ ...CODE, ...(spoil === undefined ? {} : { spoil }) });
  slabs.push(slab);
  return slab;
}

/** All account tokens that the worker may have made between these times: one for each host and second. */
function* tokensBetween(startMs: number, endMs: number): Generator<Secret> {
  const signer = accountKeyFromSeed(Buffer.from(kill.world.variables["SLABMEND_MIGRATION_SEED"]!, "hex"));
  const validMs = 300_000;
  for (const { row } of kill.world.hosts) {
    for (let atMs = startMs; atMs <= endMs + 1_000; atMs += 1_000) {
      const { signature } = createAccountToken(signer, row.hostKey, atMs + validMs);
      yield { name: "account token", bytes: signature };
    }
  }
}

test("no secret is in the functions' answers, messages, printed lines and table rows", async () => {
  const startedAt = Date.now();
  const { sql } = kill.world.database;
  const traces: Trace[] = [];
  const answered = (what: string, answer: unknown): void =>
    void traces.push({ where: `answer: ${what}`, text: JSON.stringify(answer) });
  const variables = { SLABMEND_DATABASE_URL: databaseUrl };
  const worker = await kill.startVictim("repair", undefined, variables);
  const repair = async (what: string, slab: StoredSlab): Promise<void> => {
    const event = kill.eventOf(await kill.world.lease(slab));
    traces.push({ where: `message: ${what}`, text: JSON.stringify(event) });
    answered(what, await worker.invoke(event));
  };

  const plain = await store();
  await kill.world.loseSector(plain, 0);
  await blockHost(sql, plain.hosts[1]!.row.hostKey);
  await repair("a repair", plain);
  await kill.world.heal();

  const lied = await store();
  await kill.world.loseSector(lied, 0);
  await lied.hosts[1]!.swarm.setSwitches({ corruptsData: true });
  await lied.hosts[2]!.swarm.setSwitches({ outOfFunds: true });
  for (const { swarm } of kill.world.hosts.slice(5)) await swarm.setSwitches({ failsInternally: true });
  await repair("hosts that lie and refuse", lied);
  await kill.world.heal();

  const wrong = await store((index, data) => void (index === 0 && data.fill(7, 0, 64)));
  await kill.world.loseSector(wrong, 0);
  await repair("a shard that was pinned wrongly", wrong);

  const malformed = await store();
  await kill.world.loseSector(malformed, 0);
  await sql`update slabs set encryption_key = ${malformed.slabKey.subarray(0, 31)} where id = ${String(malformed.id)}`;
  await repair("a malformed row", malformed);

  const broken = await store();
  await kill.world.loseSector(broken, 0);
  await sql`alter table slabmend.moved add constraint broken check (moved_at is null) not valid`;
  await repair("a commit that fails", broken);
  await sql`alter table slabmend.moved drop constraint broken`;

  // Full hosts come last, because the worker remembers for minutes that a host is full.
  const refusedBy = await store();
  await kill.world.loseSector(refusedBy, 0);
  for (const { swarm } of kill.world.hosts) await swarm.setSwitches({ full: true });
  await repair("hosts that are full", refusedBy);
  await kill.world.heal();

  // Failures at the start: each in its own process, because the environment is read only once.
  const refused = new URL(databaseUrl);
  refused.password = `${password}-wrong`;
  const away = new URL(databaseUrl);
  away.port = "1";
  const environments: [string, Record<string, string>][] = [
    ["a refused login", { SLABMEND_DATABASE_URL: refused.href }],
    ["a database that is away", { SLABMEND_DATABASE_URL: away.href }],
    ["a URL of another kind", { SLABMEND_DATABASE_URL: databaseUrl.replace("postgres", "postgrez") }],
    ["a malformed seed", { SLABMEND_MIGRATION_SEED: `${kill.world.variables["SLABMEND_MIGRATION_SEED"]}00` }],
  ];
  const event = kill.eventOf(await kill.world.lease(plain));
  for (const [what, change] of environments) {
    const failing = await kill.startVictim("repair", undefined, { ...variables, ...change });
    answered(what, await failing.invoke(event));
  }
  const bad = { Records: [{ messageId: "1", body: `{"v":1,"slabId":"${plain.id}","key":1}` }] };
  answered("a malformed message", await worker.invoke(bad));

  // Now run claim and reap, and read the messages in the queues.
  for (const name of ["claim", "reap"] as const) {
    const refusedToo = await kill.startVictim(name, undefined, { SLABMEND_DATABASE_URL: refused.href });
    answered(`${name}, a refused login`, await refusedToo.invoke({}));
  }
  await sendDeadLetter(kill, JSON.stringify(bad));
  await kill.hoursPass();
  const claim = await kill.startVictim("claim", undefined, variables);
  answered("claim", await claim.invoke({}));
  const { Messages: messages = [] } = await kill.client.send(
    new ReceiveMessageCommand({
      QueueUrl: kill.queues.repairs.url,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
    }),
  );
  for (const { Body } of messages) traces.push({ where: "queue", text: Body! });
  const reap = await kill.startVictim("reap", undefined, variables);
  answered("reap", await reap.invoke({}));

  for (const [n, line] of kill.lines().entries())
    traces.push({ where: `printed, line ${n + 1}`, text: line });
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'slabmend'`;
  for (const { name } of tables) {
    const rows = await sql.unsafe<{ row: string }[]>(
      `select to_jsonb(t)::text as row from slabmend.${name} t`,
    );
    for (const { row } of rows) traces.push({ where: `table ${name}`, text: row });
  }

  // The search proves nothing without enough output.
  const searched = JSON.stringify(traces);
  for (const said of [
    "a repair ended",
    "a host did not accept a shard",
    "malformed-row",
    "a commit failed",
    "ConfigurationError",
  ]) {
    expect(searched.includes(said), said).toBe(true);
  }
  expect(messages.length).toBeGreaterThan(0);
  for (const name of ["journal", "repairs", "dead_letters"]) {
    expect(traces.some(({ where }) => where === `table ${name}`)).toBe(true);
  }

  const secrets: Secret[] = [
    { name: "database password", bytes: Buffer.from(password) },
    {
      name: "migration seed",
      bytes: Buffer.from(kill.world.variables["SLABMEND_MIGRATION_SEED"]!, "hex"),
    },
    { name: "migration seed, as text", bytes: Buffer.from(kill.world.variables["SLABMEND_MIGRATION_SEED"]!) },
    ...slabs.map(({ slabKey }) => ({ name: "slab key", bytes: slabKey })),
    ...tokensBetween(startedAt, Date.now()),
  ];
  expect(searchSecrets(secrets, traces)).toEqual([]);
});
