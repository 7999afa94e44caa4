/** How a moved slab's events are bumped on each version of indexd's database, and during an upgrade. */
import postgres, { type Sql } from "postgres";
import { afterEach, expect, test } from "vitest";
import { upgradeIndexd, upgradeStatements } from "../../../dev/indexd/indexd-schema.ts";
import { publishEvents } from "../../../dev/indexd/publish-events.ts";
import { flushMoved } from "../../../lib/database/indexd/bump-events.ts";
import type { TestDatabase } from "../../support/database.ts";
import { LOST, seedAccount, seedObject, seedSlab } from "../../support/seed-indexd.ts";
import { createVersionDatabase, untilItWaits } from "./version-database.ts";

let database: TestDatabase;
let sql: Sql;
afterEach(() => database.drop());

async function open(version: 22 | 23 | 26): Promise<void> {
  database = await createVersionDatabase(version);
  sql = database.sql;
}

/** Puts a slab that has an object into the outbox. */
async function moveSlab(): Promise<void> {
  const slab = await seedSlab(sql, { minShards: 1, sectors: [LOST] });
  await seedObject(sql, { accountId: await seedAccount(sql), slabs: [slab] });
  await sql`insert into slabmend.moved (slab_id, digest, moved_at)
    values (${String(slab.id)}, ${Buffer.from(slab.digest, "hex")}, clock_timestamp())`;
}

/**
 * Seconds by which each event's time is ahead of the clock; null: the event has no time, because indexd will set it.
 */
const ahead = async (): Promise<(number | null)[]> =>
  (
    await sql<{ ahead: number | null }[]>`
      select extract(epoch from updated_at - clock_timestamp())::float8 as ahead from object_events order by object_key`
  ).map((row) => row.ahead);
const isRecentStamp = expect.toSatisfy(
  (seconds: number | null) => seconds !== null && seconds > -30 && seconds <= 2,
);

test.each([22, 23] as const)(
  "on version %i an event is stamped at most two seconds ahead of the clock",
  async (version) => {
    await open(version);
    await moveSlab();
    expect(await flushMoved(sql)).toBe(1);
    expect(await ahead()).toEqual([isRecentStamp]);
  },
);

test("on version 26 a flush leaves the event unstamped, and indexd then publishes the event once", async () => {
  await open(26);
  await moveSlab();
  expect(await flushMoved(sql)).toBe(1);
  expect(await ahead()).toEqual([null]);
  expect(await publishEvents(sql)).toHaveLength(1);
  expect(await publishEvents(sql)).toHaveLength(0);
  expect((await ahead())[0]).toBeLessThanOrEqual(0);
});

test("a flush right after an upgrade reads the version again, and leaves the event to indexd", async () => {
  await open(22);
  await moveSlab();
  await upgradeIndexd(sql);
  expect(await flushMoved(sql)).toBe(1);
  expect(await ahead()).toEqual([null]);
  expect(await sql`select db_version, profile, verdict from slabmend.indexd`).toEqual([
    { db_version: 26, profile: 26, verdict: "known" },
  ]);
});

test("a flush that waits for the upgrade's lock stamps nothing", async () => {
  await open(22);
  for (let n = 0; n < 3; n += 1) await moveSlab();
  await upgradeIndexd(sql, 23);
  await flushMoved(sql, { limit: 1 });
  const worker = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    const [backend] = await worker<{ pid: number }[]>`select pg_backend_pid() as pid`;
    let flushing: Promise<number> | undefined;
    await sql.begin(async (tx) => {
      await tx.unsafe(upgradeStatements(24));
      flushing = flushMoved(worker);
      await untilItWaits(sql, backend!.pid);
    });
    await upgradeIndexd(sql);
    expect(await flushing).toBe(2);
  } finally {
    await worker.end();
  }
  const stamps = await ahead();
  expect(stamps.filter((one) => one === null)).toHaveLength(2);
  // indexd's publisher continues after the stamp that we wrote before the upgrade.
  const [row] =
    await sql`select object_events_last_published >= (select max(updated_at) from object_events) as behind
    from global_settings`;
  expect(row).toEqual({ behind: true });
});

test("an upgrade waits for a running flush, and indexd's event stream then continues after the flush's stamps", async () => {
  await open(22);
  await upgradeIndexd(sql, 23);
  await moveSlab();
  await flushMoved(sql, { limit: 0 });
  const indexd = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    const [backend] = await indexd<{ pid: number }[]>`select pg_backend_pid() as pid`;
    let upgrading: Promise<unknown> | undefined;
    await sql.begin(async (tx) => {
      expect(await flushMoved(tx)).toBe(1);
      upgrading = indexd.begin((theirs) => theirs.unsafe(upgradeStatements(24)));
      await untilItWaits(sql, backend!.pid);
    });
    await upgrading;
  } finally {
    await indexd.end();
  }
  const [row] =
    await sql`select object_events_last_published = (select max(updated_at) from object_events) as same
    from global_settings`;
  expect(row).toEqual({ same: true });
});
