import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial } from "node:net";
import postgres, { type Sql } from "postgres";
import { expect, test } from "vitest";
import { isTransactionPooled } from "../../lib/cli/commands/doctor/detect-pooler.ts";
import { connect } from "../../lib/database/client/connect.ts";
import { useDatabase } from "../support/database.ts";

const database = useDatabase();

test("connections with their own server processes are not pooled", async () => {
  const clients = [connect(database.url, "one"), connect(database.url, "two")] as const;
  expect(await isTransactionPooled(...clients)).toBe(false);
  await Promise.all(clients.map((client) => client.end()));
});

test("two connections that share server processes in any order are detected as transaction-pooled", async () => {
  const lent = Array.from({ length: 3 }, () => postgres(database.url, { max: 1, prepare: false }));
  let turn = 0;
  const borrower = (): Sql => {
    const statement = (...args: never[]) => Reflect.apply(lent[turn++ % 3]!, undefined, args);
    const reserve = async () => Object.assign(statement, { release: () => {} });
    return Object.assign(statement, { reserve }) as unknown as Sql;
  };
  expect(await isTransactionPooled(borrower(), borrower())).toBe(true);
  await Promise.all(lent.map((client) => client.end()));
});

test("a slow second connection does not make the first look pooled", async () => {
  const { hostname, port } = new URL(database.url);
  const closed = Promise.withResolvers<"closed">();
  const first = postgres(database.url, {
    max: 1,
    idle_timeout: 0.02,
    onclose: () => closed.resolve("closed"),
  });
  const waited: string[] = [];
  // Lets the second connection through when the first is closed, or else after 200 ms, ten times the first one's idle
  // limit.
  const slow = createServer(async (client) => {
    client.pause().on("error", () => {});
    const late = new Promise<"open">((resolve) => void setTimeout(resolve, 200, "open"));
    waited.push(await Promise.race([closed.promise, late]));
    const upstream = dial(Number(port), hostname).on("error", () => {});
    client.pipe(upstream).pipe(client);
  });
  slow.listen(0, "127.0.0.1");
  await once(slow, "listening");
  const url = new URL(database.url);
  url.port = String((slow.address() as AddressInfo).port);
  const second = connect(url.href, "two");
  expect(await isTransactionPooled(first, second)).toBe(false);
  expect(waited).toEqual(["open"]);
  await second.end();
  // isTransactionPooled has released the first connection, so the connection can be closed as idle again.
  await closed.promise;
  slow.close();
});
