import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isTransactionPooled } from "../../lib/operator/doctor/detect-pooler.ts";
import { connect } from "../../lib/store/connect.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("connections with a server process each are not pooled", async () => {
  const clients = [connect(database.url, "one"), connect(database.url, "two")] as const;
  expect(await isTransactionPooled(...clients)).toBe(false);
  await Promise.all(clients.map((client) => client.end()));
});

test("two that are lent the same server processes by the transaction, in whatever turn, are", async () => {
  const lent = Array.from({ length: 3 }, () => postgres(database.url, { max: 1, prepare: false }));
  let turn = 0;
  const borrower = () =>
    new Proxy(lent[0]!, {
      apply: (_target, _self, args: never[]) => Reflect.apply(lent[turn++ % 3]!, undefined, args),
    }) as Sql;
  expect(await isTransactionPooled(borrower(), borrower())).toBe(true);
  await Promise.all(lent.map((client) => client.end()));
});
