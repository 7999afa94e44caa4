import fc from "fast-check";
import postgres from "postgres";
import { beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { resumeLeasing, stopLeasing } from "../../../lib/database/fleet/fleet-mode.ts";
import { walkBacklog } from "../../../lib/jobs/backlog/walk.ts";
import { askOf } from "../../support/ask.ts";
import { clearDatabase, useDatabase } from "../../support/database.ts";
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
import { until } from "../../support/until.ts";
import { backlogRows, lease, look, walk, walkSettings } from "./backlog-fixture.ts";

const database = useDatabase({ clearAfterEach: true });
const { sql } = database;
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 30, seed: (n) => ({ addresses: [`10.0.${n}.1:1`] }) });
});

/** A slab with this min_shards, this number of live sectors, and two lost sectors. */
const slabOf = (minShards: number, live: number, offset = 0) => ({
  minShards,
  sectors: [
    LOST,
    LOST,
    ...placeOn(Array.from({ length: live }, (_, n) => hosts[(n + offset) % hosts.length]!)),
  ],
});
const repairInSecret = (slab: SeededSlab, index: number) =>
  sql`update sectors set host_id = ${hosts[29]!.id}, contract_sectors_map_id = ${hosts[29]!.contract!.mapId}
    where id = ${String(slab.sectors[index]!.id)}`;
const leasedIds = (batch: { leases: readonly { slabId: bigint }[] }) =>
  batch.leases.map(({ slabId }) => slabId);

describe("order", () => {
  test("the slabs most likely to be lost are leased first, whatever their codes, and slabs beyond rescue last", async () => {
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
    expect(batch).toMatchObject({ dry: true });
  });

  test("among equally urgent slabs the slab that has waited longest is leased first", async () => {
    const slabs = await seedSlabs(sql, { slabs: [slabOf(3, 5), slabOf(3, 5), slabOf(3, 5)] });
    await walk(sql);
    for (const [n, minutes] of [20, 30, 10].entries()) {
      await sql`update slabmend.backlog set waiting_since = now() - make_interval(mins => ${minutes}) where slab_id = ${String(slabs[n]!.id)}`;
    }
    expect(leasedIds(await lease(sql))).toEqual([1, 0, 2].map((n) => slabs[n]!.id));
  });

  test("aging leases the slabs that have waited longest, and can exclude slabs beyond rescue", async () => {
    const slabs = await seedSlabs(sql, { slabs: [4, 12, 12, 2, 12].map((live) => slabOf(3, live)) });
    await walk(sql);
    for (const [n, hours] of [30, 40, 20, 50, 60].entries()) {
      await sql`update slabmend.backlog set waiting_since = now() - make_interval(hours => ${hours}) where slab_id = ${String(slabs[n]!.id)}`;
    }
    const waiting = { order: "waiting", maxLeases: 2 } as const;
    expect(leasedIds(await lease(sql, { ...waiting, urgencyAbove: 0 }))).toEqual(
      [4, 1].map((n) => slabs[n]!.id),
    );
    expect(leasedIds(await lease(sql, waiting))).toEqual([3, 0].map((n) => slabs[n]!.id));
    // The last slab has waited for less than a day, so aging does not lease it yet.
    expect(await lease(sql, waiting)).toMatchObject({ leases: [], dry: true });
    expect(leasedIds(await lease(sql))).toEqual([slabs[2]!.id]);
  });

  test("property: for any slabs and any batch size, urgency does not rise from one lease to the next", async () => {
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

describe("an outdated entry of the backlog", () => {
  test("a slab that became healthier is leased until a judgement corrects or removes its old entry", async () => {
    const slabs = await seedSlabs(sql, { slabs: [slabOf(2, 4), slabOf(2, 5)] });
    await walk(sql);
    await repairInSecret(slabs[0]!, 0);
    await repairInSecret(slabs[0]!, 1);
    await repairInSecret(slabs[1]!, 0);
    expect(leasedIds(await lease(sql))).toEqual(slabs.map(({ id }) => id));
    await sql`delete from slabmend.leases`;
    await sql`update slabs set next_repair_attempt = now() - interval '1 second'`;
    expect(await look(sql)).toMatchObject({ looked: 2, recorded: 1, removed: 1 });
    expect(await backlogRows(sql)).toMatchObject([{ slab_id: String(slabs[1]!.id), causes: { lost: 1 } }]);
  });

  test("slabs that are deleted, in deletion, claimed, quarantined or locked are not leased, and are judged again", async () => {
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
      expect(leasedIds(await lease(sql))).toEqual([slabs[5]!.id]);
      // The next batch does not check the refused slabs again.
      expect(await lease(sql)).toMatchObject({ leases: [], dry: true });
    });
    await locker.end();
    const rows = await backlogRows(sql);
    expect(rows.map(({ ready }) => ready)).toEqual(slabs.map(() => false));
    const minutes = rows.map(({ look_at }) => Math.round((look_at.getTime() - Date.now()) / 60_000));
    expect(minutes).toEqual([0, 0, 60, 120, 0, 60]);
    await sql`update slabmend.backlog set look_at = now()`;
    expect(await look(sql)).toMatchObject({ looked: 6, removed: 2 });
  });

  test("leasing skips an entry that another transaction locks, and leases the entry's slab after the transaction", async () => {
    const [first, second] = await seedSlabs(sql, { slabs: [slabOf(2, 4), slabOf(2, 5)] });
    await walk(sql);
    const writer = postgres(database.url, { max: 1, onnotice: () => {} });
    await writer.begin(async (tx) => {
      await tx`select from slabmend.backlog where slab_id = ${String(first!.id)} for update`;
      expect(leasedIds(await lease(sql))).toEqual([second!.id]);
    });
    await writer.end();
    expect(leasedIds(await lease(sql))).toEqual([first!.id]);
  });

  test("a ready entry of a leased slab is not leased a second time", async () => {
    const slab = await seedSlab(sql, slabOf(3, 5));
    await walk(sql);
    expect(leasedIds(await lease(sql))).toEqual([slab.id]);
    // The entry is now as after a manual lease of the slab, which leaves the entry ready.
    await sql`update slabmend.backlog set ready = true`;
    expect(await lease(sql)).toMatchObject({ leases: [] });
    expect(await lease(sql)).toMatchObject({ leases: [], dry: true });
    await sql`update slabs set next_repair_attempt = now() - interval '1 second'`;
    await sql`delete from slabmend.leases`;
    expect(await look(sql)).toMatchObject({ looked: 1, recorded: 1 });
    expect(leasedIds(await lease(sql))).toEqual([slab.id]);
  });

  test("a judgement that began before a lease does not overwrite what the lease wrote", async () => {
    const slab = await seedSlab(sql, slabOf(3, 5));
    await walk(sql);
    await sql`update slabmend.backlog set look_at = now(), ready = false`;
    const ask = askOf(sql);
    let asked = 0;
    await walkBacklog(
      {
        ask: async (statement) => {
          // The queries are host addresses, due entries, the slabs' health, and recording the result. The slab is
          // leased before the fourth query.
          if (++asked === 4) {
            await sql`update slabmend.backlog set ready = true`;
            expect(leasedIds(await lease(sql))).toEqual([slab.id]);
          }
          return await ask(statement);
        },
        clock: systemClock,
      },
      walkSettings(),
      10_000,
      [],
    );
    expect(asked).toBeGreaterThanOrEqual(4);
    expect(await backlogRows(sql)).toMatchObject([{ ready: false }]);
  });
});

describe("the hold after a success", () => {
  /** Ends the leased slab's repair; the slab's hold stays. */
  const succeed = async (outcome: string, setbacks = 0) => {
    await sql`
      insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, setbacks, next_repair_attempt)
      select slab_id, digest, ${outcome}, clock_timestamp(), ${setbacks}, held_until from slabmend.leases
      on conflict (slab_id) do update set last_outcome = excluded.last_outcome, setbacks = excluded.setbacks,
        next_repair_attempt = excluded.next_repair_attempt`;
    await sql`delete from slabmend.leases`;
  };

  test.each(["repaired", "healthy"])(
    "the hold after a success does not block an endangered slab (%s)",
    async (outcome) => {
      const [endangered, ordinary] = await seedSlabs(sql, { slabs: [slabOf(3, 4), slabOf(3, 12)] });
      await walk(sql);
      expect((await lease(sql)).leases).toHaveLength(2);
      await succeed(outcome);
      await look(sql);
      expect(await backlogRows(sql)).toMatchObject([{ ready: true }, { ready: false }]);
      expect(leasedIds(await lease(sql))).toEqual([endangered!.id]);
      const [held] =
        await sql`select next_repair_attempt > now() + interval '50 minutes' as held from slabs where id = ${String(ordinary!.id)}`;
      expect(held).toEqual({ held: true });
    },
  );

  test("the hold after a success does not block a slab that becomes endangered during the hold", async () => {
    const slab = await seedSlab(sql, slabOf(3, 12));
    await walk(sql);
    expect(leasedIds(await lease(sql))).toEqual([slab.id]);
    await succeed("repaired");
    await look(sql);
    expect(await lease(sql)).toMatchObject({ leases: [] });
    await sql`update sectors set host_id = null, contract_sectors_map_id = null
      where id = any (${slab.sectors.slice(6).map(({ id }) => String(id))}::bigint[])`;
    await walk(sql);
    expect(leasedIds(await lease(sql))).toEqual([slab.id]);
  });

  test("a slab in backoff, claimed by indexd or in quarantine is not leased, even if its entry is ready", async () => {
    const slab = await seedSlab(sql, slabOf(3, 4));
    await walk(sql);
    const again = async () => {
      await sql`update slabmend.backlog set ready = true`;
      return leasedIds(await lease(sql));
    };
    expect(await again()).toEqual([slab.id]);
    await succeed("too-few-sources");
    expect(await again()).toEqual([]);
    // If some shards could not be repaired, the outcome is "repaired", too, but the hold is a backoff.
    await sql`update slabmend.repairs set last_outcome = 'repaired', setbacks = 1`;
    expect(await again()).toEqual([]);
    await sql`update slabmend.repairs set setbacks = 0, quarantined_until = now() + interval '1 hour'`;
    expect(await again()).toEqual([]);
    await sql`update slabmend.repairs set quarantined_until = null`;
    await sql`update slabs set next_repair_attempt = next_repair_attempt + interval '1 second'`;
    expect(await again()).toEqual([]);
    await sql`update slabs set next_repair_attempt = next_repair_attempt - interval '1 second'`;
    expect(await again()).toEqual([slab.id]);
  });
});

describe("causes and thresholds", () => {
  const minutesUntil = (date: Date) => Math.round((date.getTime() - Date.now()) / 60_000);

  test("a lost sector makes a slab ready at once, a bad contract or blocked host after its grace", async () => {
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
    // After five hours and 59 minutes nothing has changed. After six hours both waiting slabs are due.
    const age = (interval: string) => sql`
      update slabmend.backlog set look_at = look_at - ${interval}::interval,
        waiting_since = waiting_since - ${interval}::interval,
        since = (select jsonb_object_agg(key, value::float8 - extract(epoch from ${interval}::interval) * 1000) from jsonb_each(since))`;
    await age("5 hours 59 minutes");
    await walk(sql, settings);
    await look(sql, settings);
    expect(await lease(sql)).toMatchObject({ leases: [] });
    await age("1 minute");
    await look(sql, settings);
    expect(new Set(leasedIds(await lease(sql)))).toEqual(new Set([blocked!.id, contract!.id]));
  });

  test("a host that returns within the grace causes no repair", async () => {
    await blockHost(sql, hosts[0]!.hostKey);
    const slab = await seedSlab(sql, { minShards: 2, sectors: placeOn(hosts.slice(0, 8)) });
    const settings = walkSettings({ graceMs: 6 * 3_600_000 });
    await walk(sql, settings);
    expect((await backlogRows(sql)).map(({ slab_id }) => BigInt(slab_id))).toEqual([slab.id]);
    await sql`truncate hosts_blocklist`;
    await sql`update contracts set good = true`;
    await walk(sql, settings);
    expect(await backlogRows(sql)).toEqual([]);
    // When the host goes bad again, the grace starts again.
    await blockHost(sql, hosts[0]!.hostKey);
    await walk(sql, settings);
    expect(minutesUntil((await backlogRows(sql))[0]!.look_at)).toBe(360);
  });

  test("an endangered slab, or a slab that also has a lost sector, gets no grace", async () => {
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
    // The waiting slab loses more sectors, and the next pass records this.
    await sql`update sectors set host_id = null, contract_sectors_map_id = null
      where id = any (${slabs[2]!.sectors.slice(4).map(({ id }) => String(id))}::bigint[])`;
    await walk(sql, walkSettings({ graceMs: 6 * 3_600_000 }));
    expect(leasedIds(await lease(sql))).toEqual([slabs[2]!.id]);
  });
});

describe("leases", () => {
  test("eight claimers lease each slab exactly once", async () => {
    const slabs = await seedSlabs(sql, {
      slabs: Array.from({ length: 160 }, (_, n) => slabOf(3, 4 + (n % 8), n)),
    });
    await walk(sql);
    const clients = Array.from({ length: 8 }, () => postgres(database.url, { max: 1, onnotice: () => {} }));
    const taken = await Promise.all(
      clients.map(async (client) => {
        const mine: bigint[] = [];
        for (let batches = 0; ; batches += 1) {
          if (batches > 1_000) throw new Error("a claimer finds no end after 1,000 batches");
          const batch = await lease(client, { maxLeases: 5 });
          mine.push(...leasedIds(batch));
          if (batch.leases.length === 0 && batch.dry) return mine;
        }
      }),
    );
    await Promise.all(clients.map((client) => client.end()));
    expect(taken.flat().toSorted()).toEqual(slabs.map(({ id }) => id).toSorted());
  });

  test("a slab's next_repair_attempt is the end of its lease; once the lease is gone, the slab is judged again", async () => {
    const slab = await seedSlab(sql, slabOf(3, 5));
    await walk(sql);
    const batch = await lease(sql, { maxInFlight: 10 });
    expect(batch.live).toBe(1);
    expect(batch.leases[0]).toMatchObject({ digest: slab.digest, margin: 2 });
    const [row] = await sql`
      select s.next_repair_attempt = l.held_until as same, l.margin, l.expires_at = l.held_until as as_long
      from slabs s join slabmend.leases l on l.slab_id = s.id`;
    expect(row).toEqual({ same: true, margin: 2, as_long: true });
    expect(await look(sql)).toMatchObject({ looked: 0 });
    // The walk must not make the slab ready again while it is leased.
    await walk(sql);
    expect(await lease(sql)).toMatchObject({ leases: [] });
    await sql`delete from slabmend.leases`;
    await sql`update slabs set next_repair_attempt = now() - interval '1 second'`;
    expect(await look(sql)).toMatchObject({ looked: 1, recorded: 1 });
    expect(leasedIds(await lease(sql))).toEqual([slab.id]);
    // After the repair the slab's entry is removed at once.
    await repairInSecret(slab, 0);
    await repairInSecret(slab, 1);
    await sql`delete from slabmend.leases`;
    expect(await look(sql)).toMatchObject({ looked: 1, removed: 1 });
    expect(await backlogRows(sql)).toEqual([]);
  });

  test("nothing is leased if the fleet was paused while leasing waited for an upgrade of indexd", async () => {
    await seedSlabs(sql, { slabs: [slabOf(3, 5)] });
    await walk(sql);
    const claimer = postgres(database.url, { max: 1, onnotice: () => {} });
    try {
      const [backend] = await claimer<{ pid: number }[]>`select pg_backend_pid() as pid`;
      let leasing: ReturnType<typeof lease> | undefined;
      await sql.begin(async (tx) => {
        await tx`lock table slabs in access exclusive mode`;
        leasing = lease(claimer);
        await until(
          () => sql`select from pg_stat_activity where pid = ${backend!.pid} and wait_event_type = 'Lock'`,
          (waiting) => waiting.length > 0,
        );
        await stopLeasing(sql, { kind: "paused", owner: "operator" });
      });
      expect(await leasing).toMatchObject({ leases: [] });
    } finally {
      await resumeLeasing(sql, "paused");
      await claimer.end();
    }
  });

  test("leasing obeys maxLeases, maxInFlight, the restriction to endangered slabs, and a pause of the fleet", async () => {
    const slabs = await seedSlabs(sql, {
      slabs: [slabOf(3, 10), slabOf(3, 3), slabOf(3, 11), slabOf(3, 4), slabOf(3, 12)],
    });
    await walk(sql);
    expect(leasedIds(await lease(sql, { urgencyAbove: 1e-4 }))).toEqual([slabs[1]!.id, slabs[3]!.id]);
    expect(leasedIds(await lease(sql, { maxLeases: 1 }))).toEqual([slabs[0]!.id]);
    expect(await lease(sql, { maxInFlight: 3 })).toMatchObject({ leases: [], live: 3, dry: false });
    await sql`update slabmend.fleet set mode = 'paused', mode_owner = 'test', mode_since = now()`;
    expect(await lease(sql, { maxInFlight: 4 })).toMatchObject({ leases: [], live: 3, dry: true });
    await sql`update slabmend.fleet set mode = 'running', mode_owner = null, mode_since = null`;
    expect(await lease(sql, { maxInFlight: 4 })).toMatchObject({ live: 4 });
  });
});
