import postgres from "postgres";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { claim } from "../../../lib/jobs/claim/claim.ts";
import type { ClaimStep } from "../../../lib/jobs/claim/claim-dependencies.ts";
import type { ClaimSettings } from "../../../lib/jobs/claim/claim-settings.ts";
import type { RepairQueue } from "../../../lib/queue/repair-queue.ts";
import { askOf } from "../../support/ask.ts";
import { useDatabase } from "../../support/database.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import {
  blockHost,
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedContract,
  seedNetwork,
  seedObject,
  seedSlab,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { until } from "../../support/until.ts";
import { walkSettings } from "../backlog/backlog-fixture.ts";
import { recordingQueue, settings } from "./claim-fixture.ts";

const database = useDatabase({ clearAfterEach: true });
const { sql } = database;
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 12 });
});
afterEach(async () => {
  await sql`update slabmend.fleet set breaker_open = false, backoff_ms = 0, last_probe_at = null, breaker_since = clock_timestamp()`;
});

const forgetLeases = () =>
  sql`truncate slabmend.leases, slabmend.repairs, slabmend.journal, slabmend.backlog, slabmend.marks, slabmend.walks`;
const countUnpinned = () =>
  sql`update hosts set unpinned_sectors = (
    select count(*) from sectors s where s.host_id = hosts.id and s.contract_sectors_map_id is null)`;

async function run(rest: Partial<ClaimSettings> = {}, remainingMs = 5_000) {
  const queue = recordingQueue();
  const report = await claim({ ask: askOf(sql), queue, clock: systemClock }, settings(rest), remainingMs);
  return { report, claimed: queue.messages.map((message) => message.slabId) };
}

/** A slab with one lost sector. */
const damaged = (rest: Parameters<typeof seedSlab>[1] | object = {}): Promise<SeededSlab> =>
  seedSlab(sql, { minShards: 2, sectors: [LOST, ...placeOn(hosts.slice(0, 4))], ...rest });

describe("unhealthy slabs that claim leases", () => {
  test("claim leases slabs with lost sectors, bad or ended contracts, or unpinned sectors on bad hosts", async () => {
    const bad = await seedContract(sql, hosts[0]!.id, { good: false });
    const ended = await seedContract(sql, hosts[1]!.id, { state: 2 });
    const blocked = (await seedNetwork(sql, { hosts: 1 }))[0]!;
    await blockHost(sql, blocked.hostKey);
    const unscanned = (
      await seedNetwork(sql, { hosts: 1, seed: () => ({ columns: { last_successful_scan: null } }) })
    )[0]!;
    const noContract = (await seedNetwork(sql, { hosts: 1, seed: () => ({ contract: null }) }))[0]!;
    const rest = placeOn(hosts.slice(4, 7));
    const slabs = await seedSlabs(sql, {
      minShards: 2,
      slabs: [
        { sectors: [LOST, ...rest] },
        { sectors: [{ hostId: hosts[0]!.id, mapId: bad.mapId }, ...rest] },
        { sectors: [{ hostId: hosts[1]!.id, mapId: ended.mapId }, ...rest] },
        { sectors: [{ hostId: blocked.id, mapId: null }, ...rest] },
        { sectors: [{ hostId: unscanned.id, mapId: null }, ...rest] },
        { sectors: [{ hostId: noContract.id, mapId: null }, ...rest] },
        // These slabs are healthy: the first has only pinned sectors, and the second also has an unpinned sector on a
        // good host.
        { sectors: placeOn(hosts.slice(4, 8)) },
        { sectors: [{ hostId: hosts[3]!.id, mapId: null }, ...rest] },
      ],
    });
    await countUnpinned();
    const { claimed, report } = await run();
    expect(claimed.toSorted()).toEqual(slabs.slice(0, 6).map((slab) => slab.id));
    expect(report).toMatchObject({ leased: 6, sent: 6, live: 6, stopped: "no-backlog", breaker: "closed" });
  });

  test("claim leases the slabs most likely to be lost first, and slabs beyond rescue last", async () => {
    const blocked = (await seedNetwork(sql, { hosts: 2 })).slice(0, 2);
    for (const host of blocked) await blockHost(sql, host.hostKey);
    const seeds = [
      [LOST, ...placeOn(hosts.slice(0, 6))], // 6 live
      [LOST, ...placeOn(hosts.slice(0, 3))], // 3 live
      [LOST, ...placeOn(hosts.slice(0, 3)), ...placeOn(blocked)], // 3 that count
      [LOST, ...placeOn(hosts.slice(0, 5))], // 5 live, one of them pinned wrongly
      [LOST, ...placeOn(hosts.slice(0, 1))], // fewer live sectors than the slab needs
    ];
    const slabs = await seedSlabs(sql, { minShards: 2, slabs: seeds.map((sectors) => ({ sectors })) });
    await sql`
      insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt, bad_shards)
      select id, digest, 'partial-refused', now(), next_repair_attempt, '[{"index": 3, "root": "00"}]'
      from slabs where id = ${String(slabs[3]!.id)}`;
    const { claimed } = await run();
    expect(claimed).toEqual([1, 2, 3, 0, 4].map((n) => slabs[n]!.id));
    const margins = await sql<{ margin: number }[]>`select margin from slabmend.leases order by slab_id`;
    expect(margins.map((row) => row.margin)).toEqual([4, 1, 1, 2, -1]);
  });
});

describe("slabs that may not be claimed", () => {
  const claimable = async (slab: SeededSlab, rest: Partial<ClaimSettings> = {}): Promise<boolean> =>
    (await run(rest)).claimed.includes(slab.id);
  const waits = (slab: SeededSlab, interval: string) =>
    sql`update slabs set next_repair_attempt = now() + ${interval}::interval where id = ${String(slab.id)}`;

  test("a slab before its next attempt", async () => {
    const slab = await damaged();
    await waits(slab, "2 seconds");
    expect(await claimable(slab)).toBe(false);
    await waits(slab, "-1 seconds");
    expect(await claimable(slab)).toBe(true);
  });

  test("a slab within indexd's grace, unless slabmend wrote the slab's next attempt", async () => {
    const slab = await damaged();
    await waits(slab, "-59 minutes");
    expect(await claimable(slab, { indexdGraceMs: 3_600_000 })).toBe(false);
    // For another slab slabmend has written a next attempt; this does not end the grace of the first slab.
    const other = await damaged();
    await waits(other, "-59 minutes");
    await sql`
      insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt)
      select id, digest, 'partial-deadline', now(), next_repair_attempt from slabs where id = ${String(other.id)}`;
    const { claimed } = await run({ indexdGraceMs: 3_600_000 });
    expect(claimed).toEqual([other.id]);
    await waits(slab, "-61 minutes");
    expect(await claimable(slab, { indexdGraceMs: 3_600_000 })).toBe(true);
  });

  test("a slab in quarantine, until the quarantine ends", async () => {
    const slab = await damaged();
    await sql`
      insert into slabmend.repairs
        (slab_id, digest, last_outcome, finished_at, next_repair_attempt, quarantined_until, quarantine_reason)
      select id, digest, 'crashed', now(), next_repair_attempt, now() + interval '1 hour', 'crashes'
      from slabs where id = ${String(slab.id)}`;
    expect(await claimable(slab)).toBe(false);
    await sql`update slabmend.repairs set quarantined_until = now() - interval '1 second'`;
    expect(await claimable(slab)).toBe(true);
  });

  test("a leased slab", async () => {
    const slab = await damaged();
    expect(await claimable(slab)).toBe(true);
    await waits(slab, "-1 day");
    expect(await claimable(slab)).toBe(false);
  });

  test("a slab that is in the deletion queue, and that no account or object holds", async () => {
    const accountId = await seedAccount(sql);
    const [queued, ofAccount, ofObject, notQueued] = [
      await damaged(),
      await damaged(),
      await damaged(),
      await damaged(),
    ];
    await sql`insert into account_slabs (account_id, slab_id) values (${accountId}, ${String(ofAccount.id)})`;
    await seedObject(sql, { accountId, slabs: [ofObject] });
    await sql`delete from account_slabs where slab_id = ${String(ofObject.id)}`;
    for (const slab of [queued, ofAccount, ofObject]) {
      await sql`insert into slab_deletion_queue (slab_id) values (${String(slab.id)})`;
    }
    const { claimed } = await run();
    expect(claimed.toSorted()).toEqual([ofAccount.id, ofObject.id, notQueued.id]);
  });
});

describe("the lease", () => {
  test("a lease holds the slab for an hour, with equal times in indexd's and slabmend's tables", async () => {
    const slab = await damaged();
    await run({ holdMs: 3_600_000 });
    const [row] = await sql`
      select s.next_repair_attempt = l.held_until as same, s.digest = l.digest as same_digest,
        round(extract(epoch from l.held_until - clock_timestamp()) / 60)::int as minutes,
        l.expires_at = l.held_until as as_long, l.sent_at is not null as sent, l.began_at
      from slabs s join slabmend.leases l on l.slab_id = s.id where s.id = ${String(slab.id)}`;
    expect(row).toEqual({
      same: true,
      same_digest: true,
      minutes: 60,
      as_long: true,
      sent: true,
      began_at: null,
    });
  });

  test("leases for the queue and leases for machines without a queue are counted separately", async () => {
    await seedSlabs(sql, {
      slabs: Array.from({ length: 12 }, () => ({
        minShards: 1,
        sectors: [LOST, ...placeOn(hosts.slice(0, 2))],
      })),
    });
    const lease = async (throughQueue: boolean, maxInFlight: number) => {
      const { live } = await claim(
        { ask: askOf(sql), queue: recordingQueue(), clock: createFakeClock() },
        settings({ throughQueue, maxInFlight, topUpMs: 30_000 }),
        20_000,
      );
      const [row] = await sql`
          select (count(*) filter (where through_queue))::integer as queue,
            (count(*) filter (where not through_queue))::integer as machines from slabmend.leases`;
      return { live, ...row };
    };
    expect(await lease(false, 5)).toEqual({ live: 5, queue: 0, machines: 5 });
    // The queue gets all of its four leases although the machines already have five, and the machines get seven
    // although the queue already has four.
    expect(await lease(true, 4)).toEqual({ live: 4, queue: 4, machines: 5 });
    expect(await lease(false, 7)).toEqual({ live: 7, queue: 4, machines: 7 });
    expect(await lease(true, 4)).toEqual({ live: 4, queue: 4, machines: 7 });
  });

  test("claim keeps maxInFlight leases until the deadline", async () => {
    await seedSlabs(sql, {
      slabs: Array.from({ length: 30 }, () => ({
        minShards: 1,
        sectors: [LOST, ...placeOn(hosts.slice(0, 2))],
      })),
    });
    const clock = createFakeClock();
    const queue = recordingQueue();
    const running = claim(
      { ask: askOf(sql), queue, clock },
      settings({ maxInFlight: 8, topUpMs: 5_000 }),
      20_000,
    );
    const live: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await until(() => clock.pending > 0);
      live.push(await sql`select 1 from slabmend.leases`.then((rows) => rows.length));
      // Three repairs end.
      await sql`delete from slabmend.leases where slab_id in (select slab_id from slabmend.leases order by 1 limit 3)`;
      await clock.advance(5_000);
    }
    // claim makes three full rounds, and the deadline ends the fourth.
    const report = await running;
    expect(live).toEqual([8, 8, 8]);
    expect(report).toMatchObject({ leased: 17, rounds: 4, live: 8 });
    expect(report.stopped).toBe("deadline");
    expect(clock.pending).toBe(0);
  });

  test("claim returns after one round if no backlog is left", async () => {
    await damaged();
    const { report } = await run({}, 60_000);
    expect(report).toMatchObject({ leased: 1, rounds: 1, stopped: "no-backlog" });
    expect((await run({}, 60_000)).report).toMatchObject({ leased: 0, rounds: 1, stopped: "no-backlog" });
  });
});

describe("the slabs found by one run of claim", () => {
  test("slabs that wait for their next attempt do not hide later slabs from claim, for any page size", async () => {
    const slabs = await seedSlabs(sql, {
      slabs: Array.from({ length: 25 }, (_, n) => ({
        minShards: 1,
        sectors: [LOST],
        // The first 20 slabs in the order of sector ids wait.
        columns: { next_repair_attempt: new Date(Date.now() + (n < 20 ? 3_600_000 : -3_600_000)) },
      })),
    });
    const { claimed, report } = await run({ walk: walkSettings({ everyMs: 0, pageSectors: 4 }) });
    expect(claimed.toSorted()).toEqual(
      slabs
        .slice(20)
        .map((slab) => slab.id)
        .toSorted(),
    );
    expect(report.stopped).toBe("no-backlog");
  });

  test("claim finds every unhealthy slab of every cause, for any page size", async () => {
    const bad = await Promise.all(
      Array.from({ length: 4 }, (_, n) => seedContract(sql, hosts[n]!.id, { good: false })),
    );
    const noContract = (await seedNetwork(sql, { hosts: 1, seed: () => ({ contract: null }) }))[0]!;
    const rest = placeOn(hosts.slice(6, 8));
    // In the order of ids, sectors of different causes and contracts alternate, and some causes have more sectors than
    // others. Some slabs have two causes, some have none.
    const causes = [
      [LOST],
      [{ hostId: hosts[0]!.id, mapId: bad[0]!.mapId }],
      [{ hostId: noContract.id, mapId: null }],
      [{ hostId: hosts[1]!.id, mapId: bad[1]!.mapId }, LOST],
      [{ hostId: hosts[2]!.id, mapId: bad[2]!.mapId }],
      [{ hostId: hosts[0]!.id, mapId: bad[0]!.mapId }],
      [],
    ];
    const slabs = await seedSlabs(sql, {
      minShards: 1,
      slabs: Array.from({ length: 400 }, (_, n) => ({
        sectors: [...causes[n < 90 ? 1 : (n * n + (n >> 2)) % causes.length]!, ...rest],
      })),
    });
    await countUnpinned();
    const unhealthy = slabs.filter(({ sectors }) => sectors.length > rest.length).map(({ id }) => id);
    expect(unhealthy.length).toBeLessThan(slabs.length);
    // The walk reads the sectors of the first contract first. A page of 60 or 80 sectors contains only a part of these
    // sectors.
    for (const pageSectors of [5, 25, 60, 80, 1_000]) {
      await forgetLeases();
      await sql`update slabs set next_repair_attempt = now() - interval '1 day'`;
      const { claimed, report } = await run(
        {
          walk: walkSettings({ everyMs: 0, pageSectors }),
          walkBudgetMs: 60_000,
        },
        120_000,
      );
      expect(claimed.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(unhealthy);
      expect(report.stopped).toBe("no-backlog");
    }
  });
});

describe("sending", () => {
  test("claim sends the messages of earlier unsent leases before the messages of new leases", async () => {
    const slab = await damaged();
    const dead: RepairQueue = { send: () => Promise.reject(new Error("no queue")) };
    await expect(
      claim({ ask: askOf(sql), queue: dead, clock: systemClock }, settings(), 1_000),
    ).rejects.toThrow("no queue");
    expect(await sql`select 1 from slabmend.leases where sent_at is null`).toHaveLength(1);
    // The lease is not sent yet, because another claim may be about to send it.
    expect((await run()).report).toMatchObject({ leased: 0, resent: 0 });
    const second = await damaged();
    const { report, claimed } = await run({ resendAfterMs: 0 });
    expect(claimed).toEqual([slab.id, second.id]);
    expect(report).toMatchObject({ leased: 1, sent: 1, resent: 1 });
    expect(await sql`select 1 from slabmend.leases where sent_at is null`).toHaveLength(0);
  });

  test("the lease of a message that SQS refuses stays unsent", async () => {
    await seedSlabs(sql, { slabs: Array.from({ length: 12 }, () => ({ minShards: 1, sectors: [LOST] })) });
    const choosy: RepairQueue = {
      send: async (batch) => ({
        sent: batch.slice(1),
        failed: batch.slice(0, 1).map((message) => ({ message, code: "InternalError" })),
      }),
    };
    const report = await claim({ ask: askOf(sql), queue: choosy, clock: systemClock }, settings(), 5_000);
    expect(report).toMatchObject({ leased: 12, sent: 10, refused: 2 });
    expect(await sql`select 1 from slabmend.leases where sent_at is null`).toHaveLength(2);
  });

  test("claim waits for a slow SQS until the deadline, and leases that are not sent by then stay unsent", async () => {
    await seedSlabs(sql, { slabs: Array.from({ length: 60 }, () => ({ minShards: 1, sectors: [LOST] })) });
    const dead: RepairQueue = { send: () => Promise.reject(new Error("no queue")) };
    await expect(
      claim({ ask: askOf(sql), queue: dead, clock: systemClock }, settings({ batchLeases: 60 }), 5_000),
    ).rejects.toThrow("no queue");
    const clock = createFakeClock();
    const slow: RepairQueue = {
      async send(batch) {
        clock.skip(5_000);
        return { sent: batch, failed: [] };
      },
    };
    const resend = settings({ resendAfterMs: 0 });
    const report = await claim({ ask: askOf(sql), queue: slow, clock }, resend, 18_000);
    expect(report).toMatchObject({ resent: 40, leased: 0, stopped: "deadline" });
    expect(await sql`select 1 from slabmend.leases where sent_at is null`).toHaveLength(20);
    // This SQS does not answer.
    const silent: RepairQueue = {
      send: (_batch, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(new Error("aborted")));
          void clock.advance(18_000);
        }),
    };
    expect(await claim({ ask: askOf(sql), queue: silent, clock }, resend, 18_000)).toMatchObject({
      resent: 0,
      stopped: "deadline",
    });
    expect(clock.pending).toBe(0);
  });

  test("a lease is not marked as sent if it was replaced or its repair began since the message was sent", async () => {
    await damaged();
    await damaged();
    const queue = recordingQueue();
    const step = async (name: ClaimStep): Promise<void> => {
      if (name !== "sent-message") return;
      const [first, second] = queue.messages;
      await sql`
        update slabmend.leases set began_at = now(), worker = 'fast' where slab_id = ${String(first!.slabId)}`;
      await sql`update slabmend.leases set token = gen_random_uuid() where slab_id = ${String(second!.slabId)}`;
    };
    await claim({ ask: askOf(sql), queue, clock: systemClock, step }, settings(), 1_000);
    expect(await sql`select 1 from slabmend.leases where sent_at is not null`).toHaveLength(0);
  });
});

describe("the circuit breaker", () => {
  const makeIll = (untilIn: string) => sql`
    update slabmend.fleet set breaker_open = true, breaker_since = now() - interval '10 seconds', backoff_ms = 60000,
      backoff_from = now() - interval '10 seconds', backoff_until = now() + ${untilIn}::interval`;

  test("allows one lease a minute as a trial while it is open", async () => {
    await seedSlabs(sql, { slabs: Array.from({ length: 20 }, () => ({ minShards: 1, sectors: [LOST] })) });
    await makeIll("1 minute");
    expect((await run()).report).toMatchObject({ leased: 1, stopped: "breaker-open", breaker: "open" });
    expect((await run()).report).toMatchObject({ leased: 0, stopped: "breaker-open" });
    await sql`update slabmend.fleet set last_probe_at = now() - interval '1 minute'`;
    expect((await run()).report).toMatchObject({ leased: 1, stopped: "breaker-open" });
  });

  test("allows a few leases once its backoff is over, even while it is still open", async () => {
    await seedSlabs(sql, { slabs: Array.from({ length: 20 }, () => ({ minShards: 1, sectors: [LOST] })) });
    await makeIll("-1 second");
    expect((await run()).report).toMatchObject({ leased: 10, stopped: "breaker-open" });
  });

  test("opens after six failed repairs in the journal, and closes after a success", async () => {
    await seedSlabs(sql, { slabs: Array.from({ length: 20 }, () => ({ minShards: 1, sectors: [LOST] })) });
    const journal = (outcome: string, count: number) => sql`
      insert into slabmend.journal
        (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
      select gen_random_uuid(), 1000 + n, '\\x', ${outcome}, ${outcome}, 'w', now(), now(), clock_timestamp()
      from generate_series(1, ${count}) n`;
    await journal("underfunded", 6);
    expect((await run()).report).toMatchObject({ leased: 1, stopped: "breaker-open", breaker: "open" });
    await journal("repaired", 1);
    expect((await run()).report).toMatchObject({ leased: 19, stopped: "no-backlog", breaker: "closed" });
  });
});

test("16 concurrent claimers lease each of 2,000 unhealthy slabs exactly once", async () => {
  await seedSlabs(sql, {
    slabs: Array.from({ length: 2_000 }, () => ({
      minShards: 1,
      sectors: [LOST, ...placeOn(hosts.slice(0, 2))],
    })),
  });
  const clients = Array.from({ length: 16 }, () => postgres(database.url, { max: 1, onnotice: () => {} }));
  try {
    const queues = clients.map(() => recordingQueue());
    const reports = await Promise.all(
      clients.map((client, n) =>
        claim(
          { ask: askOf(client), queue: queues[n]!, clock: systemClock },
          settings({ batchLeases: 40 }),
          60_000,
        ),
      ),
    );
    const sent = queues.flatMap((queue) => queue.messages);
    expect(sent).toHaveLength(2_000);
    expect(new Set(sent.map((message) => message.slabId)).size).toBe(2_000);
    expect(new Set(sent.map((message) => message.token)).size).toBe(2_000);
    expect(reports.reduce((sum, report) => sum + report.leased, 0)).toBe(2_000);
    const [held] = await sql`
      select count(*)::int as held from slabs s join slabmend.leases l on l.slab_id = s.id
      where s.next_repair_attempt = l.held_until and l.sent_at is not null`;
    expect(held).toEqual({ held: 2_000 });
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
});
