import { afterAll, beforeAll, expect, test } from "vitest";
import {
  assertKnownDatabaseVersion,
  readDatabaseVersion,
} from "../../../lib/database/indexd/database-version.ts";
import { IndexdError } from "../../../lib/database/indexd/errors.ts";
import { readNetworkSnapshot } from "../../../lib/database/indexd/network-snapshot.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { rolledBack } from "./rolled-back.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ max: 1 });
});
afterAll(() => database.drop());

test("the fixture's version is known", async () => {
  expect(await readDatabaseVersion(database.sql)).toBe(22);
  await assertKnownDatabaseVersion(database.sql);
});

test.each([21, 23, -1])("version %i is refused, and the error names those that we know", async (version) => {
  const { sql } = database;
  await sql`update global_settings set db_version = ${version}`;
  try {
    const refusal = await assertKnownDatabaseVersion(sql).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(IndexdError);
    expect(refusal).toMatchObject({
      code: "unknown-database-version",
      message: expect.stringContaining("expected 22"),
    });
    expect((refusal as IndexdError).message).toContain(`got ${version}`);
    await expect(readNetworkSnapshot(sql, { minHostDistanceKm: 10 })).rejects.toMatchObject({
      code: "unknown-database-version",
    });
  } finally {
    await sql`update global_settings set db_version = 22`;
  }
});

test("a database that indexd never started on is a typed error", async () => {
  const { sql } = database;
  await rolledBack(sql, async (transaction) => {
    await transaction`delete from global_settings`;
    await expect(readDatabaseVersion(transaction)).rejects.toMatchObject({ code: "not-indexd" });
    await expect(readNetworkSnapshot(transaction, { minHostDistanceKm: 0 })).rejects.toMatchObject({
      code: "not-indexd",
    });
  });
});

test("a database without indexd is a typed error", async () => {
  await rolledBack(database.sql, async (transaction) => {
    await transaction`drop table global_settings`;
    await expect(readDatabaseVersion(transaction)).rejects.toMatchObject({ code: "not-indexd" });
  });
  expect(await readDatabaseVersion(database.sql)).toBe(22);
});
