import type { Sql } from "postgres";
import { type FixtureVersion, indexdSchema } from "../../../dev/indexd/indexd-schema.ts";
import { migrateDatabase } from "../../../lib/database/schema/migrate-database.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";

/** A new database with the tables of this version of indexd and our schema, whatever version the other tests use. */
export async function createVersionDatabase(version: FixtureVersion): Promise<TestDatabase> {
  const database = await createTestDatabase({ schema: "empty", max: 4 });
  await database.sql.unsafe(indexdSchema(version));
  await migrateDatabase(database.sql);
  return database;
}

/** Waits until the backend waits for a lock. */
export async function untilItWaits(sql: Sql, pid: number): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    const [row] = await sql<{ waits: boolean }[]>`
      select wait_event_type = 'Lock' as waits from pg_stat_activity where pid = ${pid}`;
    if (row?.waits === true) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`backend ${pid}: expected it to wait for a lock within 20 s`);
}
