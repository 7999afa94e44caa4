/**
 * Samples of PostgreSQL's sessions show violations of the rules. The tests open real sessions that violate the rules.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FunctionPool } from "../../../dev/aws/function-pool.ts";
import { FLEET_LIMITS, sessionViolations } from "../../../dev/demo/check-sessions.ts";
import { startDatabaseProxy } from "../../../dev/demo/database-proxy.ts";
import { readSessionLimits, sampleSessions, startSessionSampler } from "../../../dev/demo/sample-sessions.ts";
import { useDatabase } from "../../support/database.ts";
import { seedNetwork } from "../../support/seed-indexd.ts";
import { until, untilEqual } from "../../support/until.ts";

const ROLE = `fleet_${randomBytes(4).toString("hex")}`;
const database = useDatabase();
const { sql } = database;
let roleUrl: string;
beforeAll(async () => {
  await seedNetwork(sql, { hosts: 1 });
  await sql.unsafe(`create role ${ROLE} login password 'test' connection limit 3`);
  await sql.unsafe(`grant usage on schema public to ${ROLE}`);
  await sql.unsafe(`grant select, update on hosts to ${ROLE}`);
  const url = new URL(database.url);
  url.username = ROLE;
  url.password = "test";
  roleUrl = url.href;
});
afterAll(async () => {
  await sql.unsafe(`drop owned by ${ROLE}`);
  await sql.unsafe(`drop role ${ROLE}`);
});

const client = (url: string, name: string): Sql =>
  postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: name } });

test("a function that connects with the owner's URL is noticed", async () => {
  const function_ = client(database.url, "slabmend-repair");
  try {
    await function_`select 1`;
    expect(await sampleSessions(sql, ROLE)).toMatchObject({ sessions: [], strangers: ["slabmend-repair"] });
  } finally {
    await function_.end();
  }
});

test("sessions, table locks and waiting sessions are sampled", async () => {
  expect(await sampleSessions(sql, ROLE)).toEqual({
    sessions: [],
    strangers: [],
    strongLocks: [],
    kept: [],
  });
  const fleet = client(roleUrl, "slabmend-repair");
  const indexd = client(database.url, "indexd");
  try {
    await fleet
      .begin(async (tx) => {
        await tx`update hosts set lost_sectors = lost_sectors`;
        // Writing rows takes only weak locks, which the fleet may hold. So the sample contains the session, but no
        // strong lock.
        expect(await sampleSessions(sql, ROLE)).toMatchObject({
          sessions: [{ application: "slabmend-repair", state: "idle in transaction" }],
          strangers: [],
          strongLocks: [],
          kept: [],
        });
        await tx`lock table hosts in share mode`;
        const waiting = indexd`update hosts set scans = scans`.execute();
        const kept = async () => (await sampleSessions(sql, ROLE)).kept.map(({ application }) => application);
        await untilEqual(kept, ["indexd"]);
        const [first] = (await sampleSessions(sql, ROLE)).kept;
        const next = await sampleSessions(sql, ROLE);
        expect(next.kept[0]!.forMs).toBeGreaterThan(first!.forMs);
        expect(next.strongLocks).toEqual([{ table: "hosts", mode: "ShareLock" }]);
        return { waiting };
      })
      .then(({ waiting }) => waiting);
    const [idle] = (await sampleSessions(sql, ROLE)).sessions;
    expect(idle).toMatchObject({ application: "slabmend-repair", state: "idle" });
    expect((await sampleSessions(sql, ROLE)).sessions[0]!.forMs).toBeGreaterThan(idle!.forMs);
  } finally {
    await fleet.end();
    await indexd.end();
  }
});

test("a session that waits for a row lock is not counted as having locked a table", async () => {
  const fleet = client(roleUrl, "slabmend-repair");
  const indexd = client(database.url, "indexd");
  try {
    const waiting = await indexd.begin(async (tx) => {
      await tx`update hosts set scans = scans`;
      const update = fleet`update hosts set lost_sectors = lost_sectors`.execute();
      const locks = () =>
        sql`
        select from pg_locks where not granted and locktype = 'transactionid'`.then((rows) => rows.length);
      await untilEqual(locks, 1);
      expect((await sampleSessions(sql, ROLE)).strongLocks).toEqual([]);
      return { update };
    });
    await waiting.update;
  } finally {
    await fleet.end();
    await indexd.end();
  }
});

test("an abandoned connection does not count, although its backend still runs; an open connection counts", async () => {
  const proxy = await startDatabaseProxy(roleUrl);
  let lookedAt = 0;
  /** No function runs. */
  const pool = new (class extends EventEmitter {
    get busy(): [] {
      lookedAt += 1;
      return [];
    }
  })();
  const failures: unknown[] = [];
  const sampler = startSessionSampler({
    sql,
    role: ROLE,
    pools: [pool as unknown as FunctionPool],
    hasLeft: proxy.hasLeft,
    onFailure: (error) => failures.push(error),
  });
  const ended = client(proxy.url, "slabmend-repair");
  const open = client(proxy.url, "slabmend-claim");
  const [backend] = await ended<{ pid: number }[]>`select pg_backend_pid() as pid`;
  // Simulates a busy machine: the backend is not scheduled.
  process.kill(backend!.pid, "SIGSTOP");
  try {
    await ended.end({ timeout: 0 });
    const before = lookedAt;
    await until(() => lookedAt >= before + 3);
    await open`select 1`;
    const looks = lookedAt;
    await until(() => lookedAt >= looks + 3);
    await open.end({ timeout: 0 });
  } finally {
    process.kill(backend!.pid, "SIGCONT");
    const samples = await sampler.stop();
    await proxy.stop();
    expect(failures).toEqual([]);
    const counts = samples.map(({ sessions, left }) => `${sessions.length} sessions, ${left} left`);
    expect(counts).toContain("1 sessions, 1 left");
    expect(counts).toContain("2 sessions, 1 left");
    expect(sessionViolations(samples, { ...FLEET_LIMITS, connections: 3 })).toEqual([
      "rule 12 is violated: 1 connections of the fleet while 0 functions ran",
    ]);
  }
});

test("the role's connection limit is read", async () => {
  expect(await readSessionLimits(sql, ROLE)).toMatchObject({ connections: 3, idleInTransactionMs: 5_500 });
});
