/** Connections that the server or the network ends at any packet of any kind of statement. */
import type { Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect } from "../../lib/database/client/connect.ts";
import { classifyDatabaseFailure } from "../../lib/database/client/retry-transaction.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type EndingProxy, type HowItEnds, startEndingProxy } from "../support/ending-proxy.ts";

const NAME = "the-victim";
let database: TestDatabase;
let proxy: EndingProxy;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql`create table public.written (what text primary key)`;
  proxy = await startEndingProxy(database.url, async () => {
    await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = ${NAME}`;
  });
});
afterAll(async () => {
  await proxy.stop();
  await database.drop();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const STATEMENTS: Readonly<Record<string, (sql: Sql) => Promise<unknown>>> = {
  "a plain statement": (sql) => sql`select 1 as one`,
  "a statement with parameters": (sql) => sql`select ${1}::integer + ${"2"}::integer as three`,
  "a long statement, which the driver writes at once": (sql) =>
    sql`select length(${"x".repeat(3_000)}::text)`,
  "several statements in one": (sql) => sql.unsafe("select 1; select 2"),
  "two statements at once": (sql) => Promise.all([sql`select 1`, sql`select ${2}::integer`]),
  "a refused statement": (sql) => sql`select 1 / 0`.catch((error) => ignore("22012", error)),
  "a transaction": (sql) =>
    sql.begin(async (tx) => {
      await tx`select ${1}::integer`;
      await turn();
      await tx`select 2`;
    }),
  "a transaction that is rolled back": (sql) =>
    sql
      .begin(async (tx) => {
        await tx`select 1`;
        throw Object.assign(new Error("rolled back"), { code: "ours" });
      })
      .catch((error) => ignore("ours", error)),
  "a connection that is held": async (sql) => {
    await sql`select 1`;
    const held = await sql.reserve();
    await held`select ${2}::integer`;
    held.release();
  },
};

function ignore(code: string, error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === code)) throw error;
}

for (const how of ["terminate", "close", "reset"] satisfies HowItEnds[]) {
  test.each(Object.entries(STATEMENTS))(
    `%s ended (${how}) at any packet fails as a lost connection, and the next one works`,
    async (_name, statement) => {
      for (let packet = 0; ; packet += 1) {
        // One client per packet, so that the packets of connecting are included.
        const sql = connect(proxy.url, NAME);
        proxy.endAt(packet, how);
        const failure = await statement(sql).then(
          () => undefined,
          (error: unknown) => error,
        );
        const hasEnded = proxy.take();
        if (failure !== undefined) {
          expect([packet, failure, classifyDatabaseFailure(failure)]).toEqual([
            packet,
            failure,
            "connection-lost",
          ]);
        }
        // Lets work deferred to later turns of the event loop finish.
        for (let turns = 0; turns < 3; turns += 1) await turn();
        const one = () => sql`select 1 as one`;
        // The client may not know yet that an idle connection has ended, so a first call may fail.
        expect([...(await one().catch(() => one()))]).toEqual([{ one: 1 }]);
        await sql.end();
        if (!hasEnded) break;
      }
    },
    8_000,
  );
}

test("a transaction with a lost connection writes nothing more, even if another statement has a new connection", async () => {
  const sql = connect(proxy.url, NAME);
  const isLost = Promise.withResolvers<void>();
  const isConnectedAgain = Promise.withResolvers<void>();
  const transaction = sql
    .begin(async (tx) => {
      await tx`insert into public.written values ('before')`;
      isLost.resolve(
        database.sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = ${NAME}`.then(
          () => {},
        ),
      );
      await isConnectedAgain.promise;
      await tx`insert into public.written values ('after')`;
    })
    .catch((error: unknown) => error);
  await isLost.promise;
  // The first `select` may still use the old connection, and fail.
  await sql`select 1`.catch(() => {});
  await sql`select 1`;
  isConnectedAgain.resolve();
  expect(classifyDatabaseFailure(await transaction)).toBe("connection-lost");
  expect([...(await database.sql`select what from public.written`)]).toEqual([]);
  await sql.end();
});
