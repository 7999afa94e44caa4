import postgres from "postgres";
import { expect, test } from "vitest";
import { createTestDatabase } from "../support/database.ts";

test("a test database is a separate clone with indexd's tables", async () => {
  const first = await createTestDatabase({ schema: "indexd" });
  const second = await createTestDatabase({ schema: "indexd" });
  await first.sql`CREATE TABLE only_here (id int)`;
  const [row] = await second.sql<{ here: string | null; slabs: string | null; version: string }[]>`
    SELECT to_regclass('only_here') AS here, to_regclass('public.slabs') AS slabs, version() AS version`;
  expect(row?.here).toBeNull();
  expect(row?.slabs).toBe("slabs");
  expect(row?.version).toMatch(/^PostgreSQL 18\./);
  await first.drop();
  await second.drop();
});

test("a test that leaves a connection open fails", async () => {
  const database = await createTestDatabase({ schema: "indexd" });
  const leak = postgres(database.url, { max: 1, connection: { application_name: "the-leak" } });
  await leak`SELECT 1`;
  await expect(database.drop()).rejects.toThrow(/left open by the test: the-leak/);
  await leak.end();
});

test("a test database has our schema by default", async () => {
  const database = await createTestDatabase();
  const [row] = await database.sql<
    { leases: string | null }[]
  >`SELECT to_regclass('slabmend.leases') AS leases`;
  await database.drop();
  expect(row?.leases).toBe("slabmend.leases");
});
