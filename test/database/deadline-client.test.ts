import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import { connect } from "../../lib/database/client/connect.ts";
import { askWithin, createDeadlineClient } from "../../lib/database/client/deadline-client.ts";
import { retryTransaction } from "../../lib/database/client/retry-transaction.ts";
import { useDatabase } from "../support/database.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { startSilentDatabase } from "../support/silent-proxy.ts";

const database = useDatabase();

const one = async (sql: Sql): Promise<number> => (await sql<{ one: number }[]>`select 1 as one`)[0]!.one;

test("a call to a silent server is given up, and the next call uses a new connection", async () => {
  const proxy = await startSilentDatabase(database.url);
  const clock = createFakeClock();
  const answering = createDeadlineClient({ clock, connect: () => connect(proxy.url, "test") });
  expect(await answering.run(20_000, one)).toBe(1);
  const asked = proxy.fallSilent();
  const unanswered = answering.run(20_000, one).catch((error: unknown) => error);
  await asked;
  proxy.recover();
  await clock.advance(20_000);
  expect(await unanswered).toMatchObject({ code: "no-answer" });
  expect(await answering.run(20_000, one)).toBe(1);
  await answering.end();
  expect(clock.pending).toBe(0);
  await proxy.stop();
});

test("an idempotent call is retried when the connection breaks", async () => {
  const proxy = await startSilentDatabase(database.url);
  const clock = createFakeClock();
  const answering = createDeadlineClient({ clock, connect: () => connect(proxy.url, "test") });
  const asked = proxy.fallSilent();
  const answer = answering.runIdempotent(20_000, one);
  await asked;
  proxy.recover();
  await clock.advance(20_000);
  expect(await answer).toBe(1);
  await answering.end();
  await proxy.stop();
});

/** The state after a failover: the connection works, but the server accepts no writes. */
const turnReadOnly = (sql: Sql) => sql`set default_transaction_read_only = on`;
const write = (sql: Sql) => sql`update slabmend.fleet set last_probe_at = null`.then(({ count }) => count);

test("the connection to a server that became read-only is dropped at once, and the call gets a new connection", async () => {
  const answering = createDeadlineClient({
    clock: systemClock,
    connect: () => connect(database.url, "test"),
  });
  await answering.run(20_000, turnReadOnly);
  expect(await answering.run(20_000, write)).toBe(1);
  await answering.run(20_000, turnReadOnly);
  // A call that retries its own transaction also gets a new connection.
  expect(await answering.run(20_000, (sql) => retryTransaction("test", () => write(sql)))).toBe(1);
  await answering.end();
});

test("a call to a server that stays read-only is retried until the deadline", async () => {
  const clock = createFakeClock();
  const slept: number[] = [];
  const answering = createDeadlineClient({
    clock: {
      now: clock.now,
      after(delayMs, callback) {
        if (delayMs === 5_000) return clock.after(delayMs, callback);
        slept.push(delayMs);
        clock.skip(delayMs);
        queueMicrotask(callback);
        return () => {};
      },
    },
    connect: () => connect(database.url, "test"),
  });
  const name = new URL(database.url).pathname.slice(1);
  await database.sql.unsafe(`alter database ${name} set default_transaction_read_only = on`);
  await expect(answering.run(5_000, write)).rejects.toMatchObject({
    code: "read-only-server",
    cause: { code: "25006" },
  });
  // A new connection is tried at once, and one more after each sleep; another sleep of two seconds would end after the
  // deadline.
  expect(slept).toEqual([500, 1_000, 2_000]);
  expect(clock.pending).toBe(0);
  await answering.end();
  await database.sql.unsafe(`alter database ${name} reset default_transaction_read_only`);
});

test("a statement's own failure is passed on unchanged", async () => {
  const answering = createDeadlineClient({
    clock: systemClock,
    connect: () => connect(database.url, "test"),
  });
  await expect(answering.runIdempotent(20_000, (sql) => sql`select 1 / 0`)).rejects.toMatchObject({
    code: "22012",
  });
  await answering.end();
});

test("if a call gives up its connection, the other calls on this connection fail at once, even if they could retry", async () => {
  const proxy = await startSilentDatabase(database.url);
  const clock = createFakeClock();
  const answering = createDeadlineClient({ clock, connect: () => connect(proxy.url, "test") });
  const asked = proxy.fallSilent();
  const failure = (limitMs: number, statements = one) =>
    answering.run(limitMs, statements).catch((error: unknown) => error);
  const both = [failure(20_000), failure(45_000, (sql) => retryTransaction("test", () => one(sql)))];
  await asked;
  await clock.advance(20_000);
  for (const error of await Promise.all(both)) expect(error).toMatchObject({ code: "no-answer" });
  expect(clock.pending).toBe(0);
  await answering.end();
  await proxy.stop();
});

test("a deadline limits every wait, and no call is made after it", async () => {
  const proxy = await startSilentDatabase(database.url);
  const clock = createFakeClock();
  const answering = createDeadlineClient({ clock, connect: () => connect(proxy.url, "test") });
  const ask = askWithin(answering, clock, clock.now() + 3_000);
  expect(await ask(one)).toBe(1);
  const asked = proxy.fallSilent();
  const unanswered = ask(one).catch((error: unknown) => error);
  await asked;
  await clock.advance(3_000);
  expect(await unanswered).toMatchObject({ code: "no-answer" });
  proxy.recover();
  const { accepted } = proxy;
  await expect(ask(one)).rejects.toMatchObject({ code: "no-answer" });
  expect(proxy.accepted).toBe(accepted);
  // The deadline also ends a call that waits between two attempts.
  const resting = askWithin(answering, clock, clock.now() + 3_000)(() => new Promise<never>(() => {}));
  const rested = resting.catch((error: unknown) => error);
  await clock.advance(3_000);
  expect(await rested).toMatchObject({ code: "no-answer" });
  await answering.end();
  await proxy.stop();
});
