import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import type { Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import { createAnsweringDatabase } from "../../lib/store/answering-database.ts";
import { connect } from "../../lib/store/connect.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createFakeClock } from "../support/fake-clock.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Forwards to the database until it falls silent; connections that come after `recover` are forwarded again. */
async function startProxy() {
  const target = new URL(database.url);
  const sockets = new Set<Socket>();
  let isSilent = false;
  let lastUnanswered = (): void => {};
  const server: Server = createServer((client) => {
    const upstream = connectTcp(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    const born = isSilent;
    client.on("data", (bytes) => {
      if (isSilent || born) lastUnanswered();
      else upstream.write(bytes);
    });
    upstream.on("data", (bytes) => client.write(bytes));
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(database.url);
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    fallSilent: () => {
      isSilent = true;
      return new Promise<void>((resolve) => {
        lastUnanswered = resolve;
      });
    },
    recover: () => {
      isSilent = false;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const one = async (sql: Sql): Promise<number> => (await sql<{ one: number }[]>`select 1 as one`)[0]!.one;

test("a server that falls silent is given up, and the next call has a new connection", async () => {
  const proxy = await startProxy();
  const clock = createFakeClock();
  const answering = createAnsweringDatabase({ clock, connect: () => connect(proxy.url, "test") });
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

test("what is idempotent is asked again by itself", async () => {
  const proxy = await startProxy();
  const clock = createFakeClock();
  const answering = createAnsweringDatabase({ clock, connect: () => connect(proxy.url, "test") });
  const asked = proxy.fallSilent();
  const answer = answering.runAgain(20_000, one);
  await asked;
  proxy.recover();
  await clock.advance(20_000);
  expect(await answer).toBe(1);
  await answering.end();
  await proxy.stop();
});

test("a failure of the statement itself is passed on as it is", async () => {
  const answering = createAnsweringDatabase({
    clock: systemClock,
    connect: () => connect(database.url, "test"),
  });
  await expect(answering.runAgain(20_000, (sql) => sql`select 1 / 0`)).rejects.toMatchObject({
    code: "22012",
  });
  await answering.end();
});
