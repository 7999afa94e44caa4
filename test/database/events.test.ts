import postgres, { type Sql } from "postgres";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { flushMoved } from "../../lib/database/indexd/bump-events.ts";
import { useDatabase } from "../support/database.ts";
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
/** Slabs in the outbox, in the order in which they come. */
const waiting = async () =>
  (await sql<{ slab_id: string }[]>`select slab_id::text from slabmend.moved order by id`).map(
    (row) => row.slab_id,
  );
/** Keys whose event is of the last seconds, or of the second to come. */
const bumped = async (): Promise<string[]> => {
  const rows = await sql<{ key: string }[]>`
    select distinct encode(object_key, 'hex') as key from object_events
    where updated_at > now() - interval '1 minute' and updated_at = date_trunc('second', updated_at)`;
  return rows.map((row) => row.key).sort();
};
const hex = (object: { objectKey: Buffer }): string => object.objectKey.toString("hex");

test("bumps every object of a moved slab, of every account, and no other", async () => {
  const [one, two, untouched] = [await slab(), await slab(), await slab()];
  const a = await seedObject(sql, { accountId, slabs: [one, two] });
  const other = await seedAccount(sql);
  const b = await seedObject(sql, { accountId: other, slabs: [two] });
  // The same key in another account, as indexd's own statement has it, and an event of a deleted object.
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

describe("an update that takes its time", () => {
  /** Every update of events takes so long, and says so. */
  async function whileUpdatesTake(seconds: number, work: () => Promise<void>): Promise<void> {
    await sql.unsafe(`
      create table updates (stamp timestamptz, done_at timestamptz);
      create function be_slow() returns trigger language plpgsql as $$
      begin
        perform pg_sleep(${seconds});
        insert into updates select max(updated_at), clock_timestamp() from updated;
        return null;
      end $$;
      create trigger be_slow after update on object_events referencing new table as updated
      for each statement execute function be_slow()`);
    try {
      await work();
    } finally {
      await sql.unsafe("drop trigger be_slow on object_events; drop function be_slow; drop table updates");
    }
  }
  /** Milliseconds that each left for COMMIT before its event showed: until its second is over. */
  const leftByEach = async () =>
    (
      await sql<{ ms: number }[]>`
        select (extract(epoch from stamp + interval '1 second' - done_at) * 1000)::float8 as ms from updates order by done_at`
    ).map(({ ms }) => ms);
  const many = async (which: SeededSlab, count: number) => {
    const digest = Buffer.from(which.digest, "hex");
    await sql`
      with object as (
        insert into objects (object_key, account_id, encrypted_data_key, data_signature, meta_signature)
        select r.a, ${accountId}::integer, r.a || r.b || 'datakey!'::bytea, r.a || r.b, r.b || r.a
        from generate_series(1, ${count}::integer) n
        cross join lateral (select sha256(int4send(n)) as a, sha256(int8send(n)) as b) r
        returning id, object_key
      ), event as (
        insert into object_events (object_key, account_id, was_deleted, updated_at)
        select o.object_key, ${accountId}::integer, false, now() - interval '1 hour' from object o
      )
      insert into object_slabs (object_id, slab_digest, slab_index, slab_offset, slab_length)
      select o.id, ${digest}, 0, 0, 4096 from object o`;
  };

  test("of more than a second, is done again, so that it is not stamped with one that is over when it commits", async () => {
    const which = await slab();
    await seedObject(sql, { accountId, slabs: [which] });
    await moved(which);
    await whileUpdatesTake(1.55, async () => {
      expect(await flushMoved(sql)).toBe(1);
      const left = await leftByEach();
      // What indexd shows already it showed before: a client may have read past it.
      expect(left[0]).toBeLessThan(0);
      expect(left.at(-1)).toBeGreaterThanOrEqual(500);
    });
  });

  test("is expected to be the longer the more objects there are", async () => {
    const which = await slab();
    await many(which, 15_000);
    await moved(which);
    await whileUpdatesTake(0, async () => {
      const [before] = await sql<[{ at: string }]>`select clock_timestamp()::text as at`;
      expect(await flushMoved(sql)).toBe(1);
      const [first] = await sql<{ ahead: number }[]>`
        select extract(epoch from stamp - ${before.at}::text::timestamptz)::float8 as ahead from updates order by done_at limit 1`;
      // 1.5 seconds for so many, less the half by which it may be rounded down.
      expect(first!.ahead).toBeGreaterThanOrEqual(1);
    });
  });

  test("of more than half of what the statement may take, is done once: late, but done", async () => {
    const which = await slab();
    const object = await seedObject(sql, { accountId, slabs: [which] });
    await moved(which);
    const client = postgres(database.url, {
      max: 1,
      onnotice: () => {},
      connection: { statement_timeout: 3_000 },
    });
    try {
      await whileUpdatesTake(1.55, async () => {
        expect(await flushMoved(client)).toBe(1);
        expect(await leftByEach()).toHaveLength(1);
      });
    } finally {
      await client.end();
    }
    expect(await bumped()).toContain(hex(object));
    expect(await left()).toBe(0);
  });
});

test("a flush can be limited to one slab and to a number of slabs", async () => {
  const slabs = [await slab(), await slab(), await slab()];
  for (const each of slabs) await moved(each);
  expect(await flushMoved(sql, { slabId: slabs[1]!.id })).toBe(1);
  expect(await flushMoved(sql, { limit: 1 })).toBe(1);
  expect(await left()).toBe(1);
  expect(await flushMoved(sql)).toBe(1);
});

test("a slab that was deleted meanwhile is no obstacle", async () => {
  const gone = await slab();
  await moved(gone);
  await sql`delete from slabs where id = ${String(gone.id)}`;
  expect(await flushMoved(sql)).toBe(1);
});

test("several flushes of slabs of the same objects never deadlock, and a commit never waits for one", async () => {
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
    // The flush has not committed; the outbox takes new rows all the same.
    await moved(slabs[0]!);
  });
  expect(await left()).toBe(1);
});

describe("an object whose event stays locked", () => {
  /** As a fleet's role has them, shorter. */
  const limits = {
    "a statement times out": { statement_timeout: 400 },
    "locks time out": { lock_timeout: 100 },
  };

  test.each(Object.entries(limits))("keeps no other slab waiting: %s", async (_, connection) => {
    const slabs = [await slab(), await slab(), await slab(), await slab()];
    const objects: Awaited<ReturnType<typeof seedObject>>[] = [];
    for (const each of slabs) objects.push(await seedObject(sql, { accountId, slabs: [each] }));
    const client = postgres(database.url, { max: 1, onnotice: () => {}, connection });
    const blocker = postgres(database.url, { max: 1, onnotice: () => {} });
    const stuck = (done: number) => ({
      code: "outbox-stuck",
      details: { slabId: String(slabs[1]!.id), slabs: 1 },
      done,
      // Whatever the batch ran into, one by one they wait for a lock but briefly.
      cause: { code: "retries-exhausted" },
    });
    const retry = { maxAttempts: 2 };
    try {
      // Twice the same slab, which is one visit.
      for (const each of [slabs[0]!, slabs[1]!, slabs[1]!, slabs[2]!, slabs[3]!]) await moved(each);
      await blocker.begin(async (tx) => {
        await tx`select from object_events where object_key = ${objects[1]!.objectKey} for update`;
        // What stands before and behind it is done; then it stands last, with its own time.
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
  });
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

  test("all of them go to the end in one run, and what was appended later is done", async () => {
    await expect(flushMoved(client, { retry: { maxAttempts: 1 } })).rejects.toMatchObject({
      code: "outbox-stuck",
      message: `bump events: the objects of slab ${slabs[0]!.id} and 3 more could not be told in time`,
      details: { slabId: String(slabs[0]!.id), slabs: 4 },
      done: 1,
    });
    expect(await waiting()).toEqual(ids(slabs));
  });

  test.each([1, 3])("as many as there is time for, one at least: %i", async (most) => {
    let asked = 0;
    const timeIsUp = () => ++asked >= most;
    await expect(flushMoved(client, { retry: { maxAttempts: 1 }, timeIsUp })).rejects.toMatchObject({
      details: { slabs: most },
      done: 0,
    });
    expect(await waiting()).toEqual(ids([...slabs.slice(most), other, ...slabs.slice(0, most)]));
  });
});

test("an event is stamped so that COMMIT has half a second before clients can read past it", async () => {
  const one = await slab();
  const object = await seedObject(sql, { accountId, slabs: [one] });
  const fraction = async (): Promise<number> => {
    const [row] = await sql<{ fraction: number }[]>`
      select extract(epoch from clock_timestamp() - date_trunc('second', clock_timestamp()))::float8 as fraction`;
    return row!.fraction;
  };
  let judged = 0;
  for (let round = 0; judged < 2; round += 1) {
    expect(round, "rounds that ended in another second than they began").toBeLessThan(50);
    await moved(one);
    // In the second half of a second, the stamp must be the second to come.
    const before = await until(fraction, (passed) => passed >= 0.55 && passed <= 0.9);
    await flushMoved(sql);
    const [row] = await sql<{ ahead: number }[]>`
      select extract(epoch from updated_at - date_trunc('second', clock_timestamp()))::float8 as ahead
      from object_events where object_key = ${object.objectKey}`;
    // A slow machine may be in the next second by now; that round says nothing.
    if ((await fraction()) < before) continue;
    expect(row).toEqual({ ahead: 1 });
    judged += 1;
  }
});
