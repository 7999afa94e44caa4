import postgres, { type Sql } from "postgres";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { flushMoved } from "../../lib/database/indexd/bump-events.ts";
import { useDatabase } from "../support/database.ts";
import { INDEXD_PUBLISHES } from "../support/indexd-version.ts";
import { LOST, type SeededSlab, seedAccount, seedObject, seedSlab } from "../support/seed-indexd.ts";
import { until } from "../support/until.ts";

const database = useDatabase({ max: 6 });
const { sql } = database;

let accountId: number;
beforeEach(async () => {
  await sql`truncate slabmend.moved`;
  accountId = await seedAccount(sql);
});

const slab = (): Promise<SeededSlab> => seedSlab(sql, { minShards: 1, sectors: [LOST] });
const moved = (which: SeededSlab) => sql`
  insert into slabmend.moved (slab_id, digest, moved_at)
  values (${String(which.id)}, ${Buffer.from(which.digest, "hex")}, clock_timestamp())`;
const left = async () => (await sql`select 1 from slabmend.moved`).length;
/** The slabs in the outbox, in order. */
const waiting = async () =>
  (await sql<{ slab_id: string }[]>`select slab_id::text from slabmend.moved order by id`).map(
    (row) => row.slab_id,
  );
/**
 * Keys of the objects whose events were bumped. If this version of indexd publishes events, a bumped event has no time
 * yet. On older versions its time is a whole second, at most one minute ago.
 */
const bumped = async (): Promise<string[]> => {
  const rows = await sql<{ key: string }[]>`
    select distinct encode(object_key, 'hex') as key from object_events
    where case when ${INDEXD_PUBLISHES} then updated_at is null
      else updated_at > now() - interval '1 minute' and updated_at = date_trunc('second', updated_at) end`;
  return rows.map((row) => row.key).sort();
};
const hex = (object: { objectKey: Buffer }): string => object.objectKey.toString("hex");

test("a flush bumps exactly the events with the key of an object of a moved slab, in all accounts", async () => {
  const [one, two, untouched] = [await slab(), await slab(), await slab()];
  const a = await seedObject(sql, { accountId, slabs: [one, two] });
  const other = await seedAccount(sql);
  const b = await seedObject(sql, { accountId: other, slabs: [two] });
  // Another account has an event of a deleted object with the same key. This event is bumped too: indexd's statement
  // selects events by key alone.
  await seedObject(sql, { accountId: other, slabs: [untouched], objectKey: a.objectKey, wasDeleted: true });
  await seedObject(sql, { accountId, slabs: [untouched] });
  await moved(one);
  await moved(one);
  await moved(two);
  expect(await flushMoved(sql)).toBe(3);
  expect(await bumped()).toEqual([hex(a), hex(b)].sort());
  expect(await left()).toBe(0);
  expect(await flushMoved(sql)).toBe(0);
});

test("if slabs have too many objects for one batch, each flush bumps all events of one slab", async () => {
  const many = async (which: SeededSlab, count: number) => {
    const digest = Buffer.from(which.digest, "hex");
    await sql`
      with object as (
        insert into objects (object_key, account_id, encrypted_data_key, data_signature, meta_signature)
        select r.a, ${accountId}::integer, r.a || r.b || 'datakey!'::bytea, r.a || r.b, r.b || r.a
        from generate_series(1, ${count}::integer) n
        cross join lateral (select sha256(int8send(n * 1000 + ${String(which.id)}::bigint)) as a, sha256(int4send(n)) as b) r
        returning id, object_key
      ), event as (
        insert into object_events (object_key, account_id, was_deleted, updated_at)
        select o.object_key, ${accountId}::integer, false, now() - interval '1 hour' from object o
      )
      insert into object_slabs (object_id, slab_digest, slab_index, slab_offset, slab_length)
      select o.id, ${digest}, 0, 0, 4096 from object o`;
  };
  const [small, large] = [await slab(), await slab()];
  const before = (await bumped()).length;
  await many(small, 2_000);
  await many(large, 50_001);
  await moved(small);
  await moved(large);
  expect([await flushMoved(sql), await flushMoved(sql), await flushMoved(sql)]).toEqual([1, 1, 0]);
  expect((await bumped()).length - before).toBe(52_001);
});

test("a flush can be limited to one slab or to a number of slabs", async () => {
  const slabs = [await slab(), await slab(), await slab()];
  for (const each of slabs) await moved(each);
  expect(await flushMoved(sql, { slabId: slabs[1]!.id })).toBe(1);
  expect(await flushMoved(sql, { limit: 1 })).toBe(1);
  expect(await left()).toBe(1);
  expect(await flushMoved(sql)).toBe(1);
});

test("a flush ignores a moved slab that was deleted before the flush", async () => {
  const gone = await slab();
  await moved(gone);
  await sql`delete from slabs where id = ${String(gone.id)}`;
  expect(await flushMoved(sql)).toBe(1);
});

test("several flushes of the same objects do not deadlock, and commits do not wait for them", async () => {
  const slabs = await Promise.all(Array.from({ length: 12 }, slab));
  const objects = [];
  for (let n = 0; n < 6; n += 1) {
    objects.push(await seedObject(sql, { accountId, slabs: n % 2 === 0 ? slabs : slabs.toReversed() }));
  }
  for (let round = 0; round < 5; round += 1) {
    for (const each of slabs) await moved(each);
    const done = await Promise.all(
      Array.from({ length: 6 }, () => flushMoved(sql, { limit: 2, retry: { maxAttempts: 1 } })),
    );
    expect(done.every((count) => count <= 2)).toBe(true);
    await until(
      () => flushMoved(sql),
      (flushed) => flushed === 0,
      { everyMs: 0 },
    );
  }
  expect(await bumped()).toEqual(expect.arrayContaining(objects.map(hex)));
  await moved(slabs[0]!);
  await sql.begin(async (tx) => {
    await flushMoved(tx);
    // The flush has not committed, but the outbox still takes new rows.
    await moved(slabs[0]!);
  });
  expect(await left()).toBe(1);
});

describe("an object whose event stays locked", () => {
  /** The timeouts of a fleet's role, but shorter. */
  const limits = {
    "a statement times out": { statement_timeout: 1_000 },
    "locks time out": { lock_timeout: 300 },
  };

  test.each(Object.entries(limits))(
    "an object with a locked event does not delay other slabs: %s",
    async (_, connection) => {
      const slabs = [await slab(), await slab(), await slab(), await slab()];
      const objects: Awaited<ReturnType<typeof seedObject>>[] = [];
      for (const each of slabs) objects.push(await seedObject(sql, { accountId, slabs: [each] }));
      const client = postgres(database.url, { max: 1, onnotice: () => {}, connection });
      const blocker = postgres(database.url, { max: 1, onnotice: () => {} });
      const stuck = (done: number) => ({
        code: "outbox-stuck",
        details: { slabId: String(slabs[1]!.id), slabs: 1 },
        done,
        // After a failed batch the slabs are flushed one by one, and each waits only briefly for a lock.
        cause: { code: "retries-exhausted" },
      });
      const retry = { maxAttempts: 2 };
      try {
        // Sectors of `slabs[1]` moved twice; `flushMoved` must handle the slab only once.
        for (const each of [slabs[0]!, slabs[1]!, slabs[1]!, slabs[2]!, slabs[3]!]) await moved(each);
        await blocker.begin(async (tx) => {
          await tx`select from object_events where object_key = ${objects[1]!.objectKey} for update`;
          // The slabs before and after the stuck slab are done; the stuck slab is now last in the queue.
          await expect(flushMoved(client, { retry })).rejects.toMatchObject(stuck(3));
          expect(await waiting()).toEqual([1, 1].map((n) => String(slabs[n]!.id)));
          expect((await bumped()).filter((key) => objects.map(hex).includes(key))).toEqual(
            [0, 2, 3].map((n) => hex(objects[n]!)).sort(),
          );
          for (const each of [slabs[0]!, slabs[2]!]) await moved(each);
          await expect(flushMoved(client, { retry })).rejects.toMatchObject(stuck(2));
          expect(await waiting()).toEqual([1, 1].map((n) => String(slabs[n]!.id)));
        });
        expect(await flushMoved(client, { retry })).toBe(2);
        expect(await bumped()).toEqual(expect.arrayContaining(objects.map(hex)));
      } finally {
        await blocker.end();
        await client.end();
      }
    },
  );
});

describe("an object of many slabs whose event stays locked", () => {
  let slabs: SeededSlab[];
  let other: SeededSlab;
  let client: Sql;
  let blocker: Sql;
  beforeEach(async () => {
    client = postgres(database.url, { max: 1, onnotice: () => {}, connection: { lock_timeout: 50 } });
    blocker = postgres(database.url, { max: 1, onnotice: () => {} });
    slabs = await Promise.all(Array.from({ length: 4 }, slab));
    other = await slab();
    const object = await seedObject(sql, { accountId, slabs });
    await seedObject(sql, { accountId, slabs: [other] });
    for (const each of [...slabs, other]) await moved(each);
    await blocker`begin`;
    await blocker`select from object_events where object_key = ${object.objectKey} for update`;
  });
  afterEach(async () => {
    await blocker`rollback`;
    await Promise.all([blocker.end(), client.end()]);
  });
  const ids = (which: readonly SeededSlab[]) => which.map(({ id }) => String(id));

  test("all slabs of an object with a locked event go to the end of the queue, and later slabs are flushed", async () => {
    await expect(flushMoved(client, { retry: { maxAttempts: 1 } })).rejects.toMatchObject({
      code: "outbox-stuck",
      message: `bump events: the events of the objects of slab ${slabs[0]!.id} and 3 more could not be bumped in time`,
      details: { slabId: String(slabs[0]!.id), slabs: 4 },
      done: 1,
    });
    expect(await waiting()).toEqual(ids(slabs));
  });

  test.each([1, 3])("a flush whose time is up after slab number %i handles no further slab", async (most) => {
    let asked = 0;
    const timeIsUp = () => ++asked >= most;
    await expect(flushMoved(client, { retry: { maxAttempts: 1 }, timeIsUp })).rejects.toMatchObject({
      details: { slabs: most },
      done: 0,
    });
    expect(await waiting()).toEqual(ids([...slabs.slice(most), other, ...slabs.slice(0, most)]));
  });
});

test.skipIf(INDEXD_PUBLISHES)("a flush stamps events one to two seconds in the future", async () => {
  const one = await slab();
  const object = await seedObject(sql, { accountId, slabs: [one] });
  for (let round = 0; round < 20; round += 1) {
    await moved(one);
    const [before] = await sql<[{ at: number }]>`select extract(epoch from clock_timestamp())::float8 as at`;
    await flushMoved(sql);
    const [row] = await sql<[{ stamp: number; after: number }]>`
      select extract(epoch from updated_at)::float8 as stamp, extract(epoch from clock_timestamp())::float8 as after
      from object_events where object_key = ${object.objectKey}`;
    expect(row.stamp % 1).toBe(0);
    expect(row.stamp).toBeGreaterThan(before.at + 1);
    expect(row.stamp).toBeLessThanOrEqual(row.after + 2);
  }
});
