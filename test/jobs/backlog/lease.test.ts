import fc from "fast-check";
import postgres, { type Sql } from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { lookAtBacklog } from "../../../lib/jobs/backlog/walk.ts";
import { askOf } from "../../support/ask.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import {
  blockHost,
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedNetwork,
  seedSlab,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { backlogRows, clearDatabase, followBacklog, lease, walk, walkSettings } from "./backlog-fixture.ts";

let database: TestDatabase;
let sql: Sql;
let hosts: SeededHost[];
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  hosts = await seedNetwork(sql, { hosts: 30, seed: (n) => ({ addresses: [`10.0.${n}.1:1`] }) });
});
afterAll(() => database.drop());
afterEach(() => clearDatabase(sql));

/** min_shards, and how many of its sectors are live; two are lost. */
const slabOf = (minShards: number, live: number, offset = 0) => ({
  minShards,
  sectors: [
    LOST,
    LOST,
    ...placeOn(Array.from({ length: live }, (_, n) => hosts[(n + offset) % hosts.length]!)),
  ],
});
const look = (settings = walkSettings()) =>
  lookAtBacklog({ ask: askOf(sql), clock: systemClock }, settings, 10_000);
const repairInSecret = (slab: SeededSlab, index: number) =>
  sql`update sectors set host_id = ${hosts[29]!.id}, contract_sectors_map_id = ${hosts[29]!.contract!.mapId}
    where id = ${String(slab.sectors[index]!.id)}`;
const leasedIds = (batch: { leases: readonly { slabId: bigint }[] }) =>
  batch.leases.map(({ slabId }) => slabId);

describe("order", () => {
  test("the likeliest to be lost first, small and large codes alike; beyond rescue last", async () => {
    const slabs = await seedSlabs(sql, {
      slabs: [
        slabOf(10, 20),
        slabOf(3, 5),
        slabOf(10, 13),
        slabOf(10, 9),
        slabOf(10, 11),
        slabOf(3, 4),
        slabOf(3, 3),
      ],
    });
    await walk(sql);
    const batch = await lease(sql);
    expect(leasedIds(batch)).toEqual([6, 4, 5, 1, 2, 0, 3].map((n) => slabs[n]!.id));
    expect(batch).toMatchObject({ examined: 7, healed: 0, changed: 0, postponed: 0, dry: true });
  });

  test("among equals the one that waits for longest", async () => {
    const slabs = await seedSlabs(sql, { slabs: [slabOf(3, 5), slabOf(3, 5), slabOf(3, 5)] });
    await walk(sql);
    for (const [n, minutes] of [20, 30, 10].entries()) {
      await sql`update slabmend.backlog set waiting_since = now() - make_interval(mins => ${minutes}) where slab_id = ${String(slabs[n]!.id)}`;
    }
    await followBacklog(sql);
    expect(leasedIds(await lease(sql))).toEqual([1, 0, 2].map((n) => slabs[n]!.id));
  });

  test.each([
    [1, 10],
    [25, 250],
  ])(
    "with room for %i: in a hundred batches %i patient ones, otherwise those in danger",
    async (room, expected) => {
      // One entry stands for many: it is put back after each batch.
      const slabs = await seedSlabs(sql, {
        slabs: [
          ...Array.from({ length: 30 }, () => slabOf(3, 4)),
          ...Array.from({ length: 5 }, () => slabOf(3, 12)),
        ],
      });
      const patient = new Set<bigint>(slabs.slice(30).map(({ id }) => id));
      await walk(sql);
      await sql`update slabmend.backlog set waiting_since = now() - interval '2 days' where slab_id >= ${String(slabs[30]!.id)}`;
      await followBacklog(sql);
      const leased: bigint[] = [];
      for (let batch = 0; batch < 100; batch++) {
        // Every hundredth once, in no order.
        const chance = (((batch * 37) % 100) + 0.5) / 100;
        leased.push(...leasedIds(await lease(sql, { maxLeases: room, chance })));
        await sql`truncate slabmend.leases`;
        await sql`update slabs set next_repair_attempt = now() - interval '1 hour' where next_repair_attempt > now()`;
        await followBacklog(sql);
      }
      expect(leased).toHaveLength(100 * room);
      expect(leased.filter((id) => patient.has(id))).toHaveLength(expected);
    },
  );

  test("property: any slabs, any batch size: urgency never rises from one lease to the next", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ k: fc.integer({ min: 1, max: 12 }), live: fc.integer({ min: 0, max: 28 }) }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.integer({ min: 1, max: 5 }),
        async (shapes, maxLeases) => {
          await clearDatabase(sql);
          const slabs = await seedSlabs(sql, { slabs: shapes.map(({ k, live }, n) => slabOf(k, live, n)) });
          await walk(sql, walkSettings({ pageSectors: 3 }));
          const order: number[] = [];
          const all: bigint[] = [];
          for (let dry = false; !dry; ) {
            const batch = await lease(sql, { maxLeases });
            order.push(...batch.leases.map(({ urgency }) => urgency));
            all.push(...leasedIds(batch));
            dry = batch.dry;
          }
          expect(order).toEqual(order.toSorted((a, b) => b - a));
          expect(all.toSorted()).toEqual(slabs.map(({ id }) => id).toSorted());
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe("a stale entry costs nothing", () => {
  test("what was healed in the meantime is not leased and leaves", async () => {
    const slab = await seedSlab(sql, slabOf(2, 4));
    await walk(sql);
    await repairInSecret(slab, 0);
    await repairInSecret(slab, 1);
    expect(await lease(sql)).toMatchObject({ leases: [], examined: 1, healed: 1, dry: true });
    expect(await backlogRows(sql)).toEqual([]);
    expect(await sql`select from slabs where next_repair_attempt > now()`).toHaveLength(0);
  });

  test("what became better is judged anew before it is leased", async () => {
    const [better, other] = await seedSlabs(sql, { slabs: [slabOf(3, 4), slabOf(3, 5)] });
    await walk(sql);
    await repairInSecret(better!, 0);
    await repairInSecret(other!, 0);
    const first = await lease(sql, { maxLeases: 1 });
    expect(first).toMatchObject({ leases: [], changed: 1 });
    expect(await look()).toMatchObject({ looked: 1, recorded: 1 });
    const [row] = (await backlogRows(sql)).filter(({ slab_id }) => BigInt(slab_id) === better!.id);
    expect(row).toMatchObject({ margin: 2, causes: { lost: 1 }, ready: true });
  });

  test("deleted, dying, leased by somebody, claimed by indexd, quarantined, locked", async () => {
    const slabs = await seedSlabs(sql, { slabs: Array.from({ length: 6 }, () => slabOf(2, 4)) });
    await walk(sql);
    const at = (n: number) => String(slabs[n]!.id);
    await sql`delete from slabs where id = ${at(0)}`;
    await sql`insert into slab_deletion_queue (slab_id) values (${at(1)})`;
    await sql`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${at(2)}`;
    await sql`insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt, quarantined_until, quarantine_reason)
      select id, digest, 'crashed', now(), now(), now() + interval '2 hours', 'crashes' from slabs where id = ${at(3)}`;
    const locker = postgres(database.url, { max: 1, onnotice: () => {} });
    await locker.begin(async (tx) => {
      await tx`select from slabs where id = ${at(4)} for update`;
      const batch = await lease(sql);
      expect(leasedIds(batch)).toEqual([slabs[5]!.id]);
      expect(batch).toMatchObject({ examined: 6, healed: 2, postponed: 3 });
      // None of them is looked at twice.
      expect(await lease(sql)).toMatchObject({ examined: 0, dry: true });
    });
    await locker.end();
    const rows = await backlogRows(sql);
    expect(rows.map(({ slab_id }) => slab_id)).toEqual([2, 3, 4, 5].map(at));
    expect(rows.map(({ ready }) => ready)).toEqual([false, false, false, true]);
    const minutes = rows
      .slice(0, 3)
      .map(({ look_at }) => Math.round((look_at.getTime() - Date.now()) / 60_000));
    expect(minutes).toEqual([60, 120, 0]);
  });

  test("waits for nobody who writes its entry: what is due is leased, what is not stays until they are done", async () => {
    const [due, postponed, well] = await seedSlabs(sql, {
      slabs: Array.from({ length: 3 }, () => slabOf(2, 4)),
    });
    await walk(sql);
    await sql`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(postponed!.id)}`;
    await repairInSecret(well!, 0);
    await repairInSecret(well!, 1);
    const before = await backlogRows(sql);
    const writer = postgres(database.url, { max: 1, onnotice: () => {} });
    await writer.begin(async (tx) => {
      await tx`select from slabmend.backlog for update`;
      const batch = await lease(sql);
      expect(leasedIds(batch)).toEqual([due!.id]);
      expect(batch).toMatchObject({ examined: 3, healed: 1, postponed: 1 });
      expect(await lease(sql)).toMatchObject({ leases: [], examined: 2, healed: 1, postponed: 1 });
    });
    await writer.end();
    // It wrote nothing in the end.
    expect(await backlogRows(sql)).toEqual(before);
    expect(await lease(sql)).toMatchObject({ leases: [], examined: 2, healed: 1, postponed: 1 });
    expect(await lease(sql)).toMatchObject({ examined: 0 });
    const rows = await backlogRows(sql);
    expect(rows.map(({ slab_id, ready }) => [BigInt(slab_id), ready])).toEqual([
      [due!.id, true],
      [postponed!.id, false],
    ]);
  });

  test("one that nobody keeps an entry of is looked at all the same", async () => {
    const slab = await seedSlab(sql, slabOf(2, 4));
    await walk(sql);
    await repairInSecret(slab, 0);
    await repairInSecret(slab, 1);
    // Of two that judged it, the one that found it healed came last, and its snapshot knew of no row.
    await sql`truncate slabmend.backlog`;
    expect(await lease(sql)).toMatchObject({ leases: [], examined: 1, healed: 1 });
    expect(await lease(sql)).toMatchObject({ examined: 0 });
  });

  test("does not put off a look that is to come at once", async () => {
    const slab = await seedSlab(sql, slabOf(2, 4));
    await walk(sql);
    // A lease has just ended, and a judgement from before put the slab back.
    await sql`update slabmend.backlog set ready = false, look_at = now() - interval '1 second'`;
    await sql`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(slab.id)}`;
    expect(await lease(sql)).toMatchObject({ leases: [], examined: 1, postponed: 1 });
    expect(await look()).toMatchObject({ looked: 1 });
  });

  test("an entry that is judged again while its slab is leased is not leased a second time", async () => {
    const slab = await seedSlab(sql, slabOf(3, 5));
    await walk(sql);
    expect(leasedIds(await lease(sql))).toEqual([slab.id]);
    // A judgement by a snapshot from before the lease.
    await sql`
      insert into slabmend.ready_slabs (slab_id, urgency, waiting_since, margin, first_bad_sector)
      select slab_id, urgency, waiting_since, margin, bad_sectors[1] from slabmend.backlog`;
    expect(await lease(sql)).toMatchObject({ leases: [], examined: 1, postponed: 1 });
    expect(await lease(sql)).toMatchObject({ examined: 0 });
    await sql`update slabs set next_repair_attempt = now() - interval '1 second'`;
    await sql`delete from slabmend.leases`;
    expect(await look()).toMatchObject({ looked: 1, recorded: 1 });
    expect(leasedIds(await lease(sql))).toEqual([slab.id]);
  });
});

describe("causes and thresholds", () => {
  const minutesUntil = (date: Date) => Math.round((date.getTime() - Date.now()) / 60_000);

  test("lost at once; a bad contract or a blocked host after its grace", async () => {
    await blockHost(sql, hosts[0]!.hostKey);
    await sql`update contracts set good = false where host_id = ${hosts[1]!.id}`;
    const rest = placeOn(hosts.slice(10, 16));
    const [lost, blocked, contract] = await seedSlabs(sql, {
      minShards: 2,
      slabs: [
        { sectors: [LOST, ...rest] },
        { sectors: [...placeOn([hosts[0]!]), ...rest] },
        { sectors: [...placeOn([hosts[1]!]), ...rest] },
      ],
    });
    const settings = walkSettings({ graceMs: 6 * 3_600_000 });
    await walk(sql, settings);
    expect(leasedIds(await lease(sql))).toEqual([lost!.id]);
    const waiting = (await backlogRows(sql)).slice(1);
    expect(waiting.map(({ look_at, ready }) => [minutesUntil(look_at), ready])).toEqual([
      [360, false],
      [360, false],
    ]);
    // Five hours and 59 minutes later nothing has changed; six hours later both are due.
    const age = (interval: string) => sql`
      update slabmend.backlog set look_at = look_at - ${interval}::interval, first_seen = first_seen - ${interval}::interval,
        waiting_since = waiting_since - ${interval}::interval,
        since = (select jsonb_object_agg(key, value::float8 - extract(epoch from ${interval}::interval) * 1000) from jsonb_each(since))`;
    await age("5 hours 59 minutes");
    await walk(sql, settings);
    await look(settings);
    expect(await lease(sql)).toMatchObject({ examined: 0 });
    await age("1 minute");
    await look(settings);
    expect(new Set(leasedIds(await lease(sql)))).toEqual(new Set([blocked!.id, contract!.id]));
  });

  test("a host that comes back in time costs nothing", async () => {
    await blockHost(sql, hosts[0]!.hostKey);
    const slab = await seedSlab(sql, { minShards: 2, sectors: placeOn(hosts.slice(0, 8)) });
    const settings = walkSettings({ graceMs: 6 * 3_600_000 });
    await walk(sql, settings);
    expect((await backlogRows(sql)).map(({ slab_id }) => BigInt(slab_id))).toEqual([slab.id]);
    await sql`truncate hosts_blocklist`;
    await sql`update contracts set good = true`;
    await walk(sql, settings);
    expect(await backlogRows(sql)).toEqual([]);
    // And were it to go again, the grace would start anew.
    await blockHost(sql, hosts[0]!.hostKey);
    await walk(sql, settings);
    expect(minutesUntil((await backlogRows(sql))[0]!.look_at)).toBe(360);
  });

  test("no grace above the limit, nor for a slab that has a lost sector besides", async () => {
    await blockHost(sql, hosts[0]!.hostKey);
    const slabs = await seedSlabs(sql, {
      minShards: 3,
      slabs: [
        { sectors: placeOn(hosts.slice(0, 4)) },
        { sectors: [LOST, ...placeOn(hosts.slice(0, 12))] },
        { sectors: placeOn(hosts.slice(0, 12)) },
      ],
    });
    await walk(sql, walkSettings({ graceMs: 6 * 3_600_000 }));
    expect(leasedIds(await lease(sql))).toEqual([slabs[0]!.id, slabs[1]!.id]);
    // While it waits it becomes worse: the next pass takes it up.
    await sql`update sectors set host_id = null, contract_sectors_map_id = null
      where id = any (${slabs[2]!.sectors.slice(4).map(({ id }) => String(id))}::bigint[])`;
    await walk(sql, walkSettings({ graceMs: 6 * 3_600_000 }));
    expect(leasedIds(await lease(sql))).toEqual([slabs[2]!.id]);
  });
});

describe("leases", () => {
  test("eight claimers: each slab once, none forgotten", async () => {
    const slabs = await seedSlabs(sql, {
      slabs: Array.from({ length: 160 }, (_, n) => slabOf(3, 4 + (n % 8), n)),
    });
    await walk(sql);
    const clients = Array.from({ length: 8 }, () => postgres(database.url, { max: 1, onnotice: () => {} }));
    const taken = await Promise.all(
      clients.map(async (client) => {
        const mine: bigint[] = [];
        for (;;) {
          const batch = await lease(client, { maxLeases: 5 });
          mine.push(...leasedIds(batch));
          if (batch.leases.length === 0 && batch.dry) return mine;
        }
      }),
    );
    await Promise.all(clients.map((client) => client.end()));
    expect(taken.flat().toSorted()).toEqual(slabs.map(({ id }) => id).toSorted());
  });

  test("holds the slab as a claim does; when the lease ends, however it does, the slab is looked at again", async () => {
    const slab = await seedSlab(sql, slabOf(3, 5));
    await walk(sql);
    const batch = await lease(sql, { maxInFlight: 10 });
    expect(batch.live).toBe(1);
    expect(batch.leases[0]).toMatchObject({ digest: slab.digest, margin: 2 });
    const [row] = await sql`
      select s.next_repair_attempt = l.held_until as same, l.margin, l.expires_at = l.held_until as as_long
      from slabs s join slabmend.leases l on l.slab_id = s.id`;
    expect(row).toEqual({ same: true, margin: 2, as_long: true });
    expect(await look()).toMatchObject({ looked: 0 });
    // The walk must not offer it again while it is leased.
    await walk(sql);
    expect(await lease(sql)).toMatchObject({ leases: [] });
    await sql`delete from slabmend.leases`;
    await sql`update slabs set next_repair_attempt = now() - interval '1 second'`;
    expect(await look()).toMatchObject({ looked: 1, recorded: 1 });
    expect(leasedIds(await lease(sql))).toEqual([slab.id]);
    // Repaired: it leaves at once.
    await repairInSecret(slab, 0);
    await repairInSecret(slab, 1);
    await sql`delete from slabmend.leases`;
    expect(await look()).toMatchObject({ looked: 1, removed: 1 });
    expect(await backlogRows(sql)).toEqual([]);
  });

  test("as many as there is room for, and only in danger when the budget says so", async () => {
    const slabs = await seedSlabs(sql, {
      slabs: [slabOf(3, 10), slabOf(3, 3), slabOf(3, 11), slabOf(3, 4), slabOf(3, 12)],
    });
    await walk(sql);
    expect(leasedIds(await lease(sql, { mostOrdinary: 0, patienceMs: -1 }))).toEqual([
      slabs[1]!.id,
      slabs[3]!.id,
    ]);
    expect(leasedIds(await lease(sql, { mostOrdinary: 1 }))).toEqual([slabs[0]!.id]);
    expect(await lease(sql, { maxInFlight: 3 })).toMatchObject({ leases: [], live: 3, dry: false });
    expect(await lease(sql, { maxInFlight: 4 })).toMatchObject({ live: 4 });
  });
});
