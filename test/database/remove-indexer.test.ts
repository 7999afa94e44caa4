/** Deleting an indexer while a worker records a repair, and removing a tombstone. */
import postgres from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeLifecycle } from "../../lib/database/lifecycle/lifecycle.ts";
import { removeIndexer } from "../../lib/database/schema/remove-schema.ts";
import { removeTombstone } from "../../lib/database/schema/tombstone.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { LOST, seedAccount, seedObject, seedSlab } from "../support/seed-indexd.ts";
import { until } from "../support/until.ts";

let database: TestDatabase;
let worker: postgres.Sql;
beforeEach(async () => {
  database = await createTestDatabase();
  worker = postgres(database.url, { max: 1, onnotice: () => {} });
});
afterEach(async () => {
  await worker.end();
  await database.drop();
});

/**
 * Puts a slab of one object into the outbox, in a transaction that commits as soon as the removal waits for this
 * transaction.
 */
async function commitDuring<Result>(remove: () => Promise<Result>): Promise<Result> {
  const { sql } = database;
  const slab = await seedSlab(sql, { minShards: 1, sectors: [LOST] });
  await seedObject(sql, { accountId: await seedAccount(sql), slabs: [slab] });
  let removing: Promise<Result> | undefined;
  await worker.begin(async (tx) => {
    await tx`
      insert into slabmend.moved (slab_id, digest, moved_at)
      values (${String(slab.id)}, ${Buffer.from(slab.digest, "hex")}, clock_timestamp())`;
    removing = remove();
    removing.catch(() => {});
    await until(
      async () =>
        (
          await tx`
            select from pg_locks l join pg_class c on c.oid = l.relation
            where c.relname = 'moved' and l.mode = 'AccessExclusiveLock' and not l.granted`
        ).length > 0,
    );
  });
  return await removing!;
}

const bumped = async (): Promise<number> =>
  (
    await database.sql`
      select from object_events where updated_at is null or updated_at > now() - interval '1 minute'`
  ).length;
const startOfTest = () => database.sql`update object_events set updated_at = now() - interval '1 hour'`;

test("deleting an indexer bumps the events of a repair that was recorded after the outbox had been flushed", async () => {
  const lease = { holder: "test", token: undefined, leaseMs: 60_000 };
  const token = (await takeLifecycle(database.sql, lease))!;
  const removed = await commitDuring(async () => {
    await startOfTest();
    return await removeIndexer(database.sql, { token, owner: "test", reason: undefined });
  });
  expect(removed).toMatchObject({ kind: "deleted" });
  expect(await bumped()).toBe(1);
});

test("removing a tombstone fails if the indexer was recreated meanwhile, and removes nothing", async () => {
  const { sql } = database;
  await expect(sql.begin(removeTombstone)).rejects.toThrow();
  expect(await sql`select from slabmend.fleet`).toHaveLength(1);
});
