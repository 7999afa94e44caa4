import { randomUUID } from "node:crypto";
import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import postgres, { type Sql } from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type QueuePair, type QueueServer, startQueueServer } from "../../../dev/aws/queue-server.ts";
import { systemClock } from "../../../lib/clock/clock.ts";
import { forgetFineSlabs } from "../../../lib/database/backlog/forget-fine-slabs.ts";
import { commitRepair } from "../../../lib/database/leases/commit-repair.ts";
import { extendLease } from "../../../lib/database/leases/extend-lease.ts";
import { reapLeases } from "../../../lib/database/leases/reap-leases.ts";
import { readUploads } from "../../../lib/database/leases/uploads.ts";
import { type ReapStep, reap } from "../../../lib/jobs/reap/reap.ts";
import type { ReapIncompleteError } from "../../../lib/jobs/reap/reap-report.ts";
import { DEFAULT_REAP_SETTINGS, type ReapSettings } from "../../../lib/jobs/reap/reap-settings.ts";
import {
  createDeadLetterQueue,
  type DeadLetter,
  type DeadLetterQueue,
} from "../../../lib/queue/dead-letter-queue.ts";
import { encodeRepairMessage } from "../../../lib/queue/repair-message.ts";
import type { RepairQueue } from "../../../lib/queue/repair-queue.ts";
import type { HostId } from "../../../lib/slab/ids.ts";
import type { LeasedSlab } from "../../../lib/slab/leased-slab.ts";
import { leaseByHand, requestOf } from "../../database/running-lease.ts";
import { askOf } from "../../support/ask.ts";
import { useDatabase } from "../../support/database.ts";
import {
  LOST,
  type SeededSlab,
  seedAccount,
  seedObject,
  seedSlab,
  seedSlabs,
} from "../../support/seed-indexd.ts";

const database = useDatabase({ clearAfterEach: true });
const { sql } = database;
afterEach(async () => {
  await sql`update slabmend.fleet set breaker_open = false, backoff_ms = 0, breaker_since = now() - interval '1 day'`;
});

const noLetters: DeadLetterQueue = { receive: async () => [], delete: async () => {} };
const noQueue: RepairQueue = { send: () => Promise.reject(new Error("nothing to send")) };

function run(
  rest: {
    settings?: Partial<ReapSettings>;
    queue?: RepairQueue;
    deadLetters?: DeadLetterQueue;
    step?: (name: ReapStep) => void | Promise<void>;
    client?: Sql;
  } = {},
) {
  return reap(
    {
      ask: askOf(rest.client ?? sql),
      queue: rest.queue ?? noQueue,
      deadLetters: rest.deadLetters ?? noLetters,
      indexer: "default",
      clock: systemClock,
      ...(rest.step === undefined ? {} : { step: rest.step }),
    },
    { ...DEFAULT_REAP_SETTINGS, ...rest.settings },
    20_000,
  );
}

const damaged = (): Promise<SeededSlab> => seedSlab(sql, { minShards: 1, sectors: [LOST] });
const historyOf = async (slab: SeededSlab) =>
  (
    await sql`
      select r.last_outcome, r.crashes, r.quarantined_until > now() + interval '23 hours' as quarantined,
        r.quarantine_reason, r.next_repair_attempt = s.next_repair_attempt as ours,
        round(extract(epoch from s.next_repair_attempt - clock_timestamp()) / 60)::int as minutes
      from slabmend.repairs r join slabs s on s.id = r.slab_id where r.slab_id = ${String(slab.id)}`
  )[0];
const crash = async (slab: SeededSlab, rest: Parameters<typeof run>[0] = {}) => {
  const token = await leaseByHand(sql, slab, { expired: true });
  return { token, report: await run(rest) };
};
const anotherSucceeds = async (): Promise<void> => {
  const slab = await damaged();
  await commitRepair(sql, requestOf(slab, await leaseByHand(sql, slab)));
};

describe("expired leases", () => {
  test("an expired lease of a running repair counts as a crash; the slab may be leased again at once", async () => {
    const slab = await damaged();
    const { token, report } = await crash(slab);
    expect(report).toMatchObject({ crashed: 1, freed: 0, quarantined: 0, taken: 0, breaker: "closed" });
    expect(await historyOf(slab)).toMatchObject({
      last_outcome: "crashed",
      crashes: 1,
      ours: true,
      minutes: 0,
    });
    const [entry] =
      await sql`select outcome, worker, slab_id::text from slabmend.journal where token = ${token}`;
    expect(entry).toEqual({ outcome: "crashed", worker: "worker-1", slab_id: String(slab.id) });
  });

  test.each(["crashed", "superseded"])(
    "the journal has the cost of a %s repair up to its last heartbeat",
    async (outcome) => {
      const slab = await damaged();
      const token = await leaseByHand(sql, slab);
      const spent = { bytesRead: 4_194_304, bytesWritten: 12, hastings: 10n ** 24n + 1n };
      expect(await extendLease(sql, { slabId: slab.id, token }, 120_000, spent)).toBe(true);
      await sql`update slabmend.leases set expires_at = clock_timestamp() - interval '1 second'`;
      if (outcome === "superseded") {
        // indexd claimed the slab meanwhile.
        await sql`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(slab.id)}`;
      }
      await run();
      const [entry] = await sql`
        select outcome, bytes_read::text, bytes_written::text, hastings::text from slabmend.journal
        where token = ${token}`;
      expect(entry).toEqual({
        outcome,
        bytes_read: "4194304",
        bytes_written: "12",
        hastings: "1000000000000000000000001",
      });
    },
  );

  test("the upload notes of a crashed repair are kept for the next repair, and removed after two days", async () => {
    const slab = await damaged();
    const token = await leaseByHand(sql, slab);
    const stored = [{ sectorId: slab.sectors[0]!.id, hostId: 7 as HostId }];
    const nothing = { bytesRead: 0, bytesWritten: 0, hastings: 0n };
    expect(await extendLease(sql, { slabId: slab.id, token }, 120_000, nothing, stored)).toBe(true);
    await sql`update slabmend.leases set expires_at = clock_timestamp() - interval '1 second'`;
    expect(await extendLease(sql, { slabId: slab.id, token }, 120_000, nothing, [])).toBe(false);
    await run();
    expect(await readUploads(sql, slab.id)).toEqual(stored);
    await sql`update slabmend.uploads set noted_at = noted_at - interval '48 hours'`;
    expect(await readUploads(sql, slab.id)).toEqual([]);
    await run();
    expect(await sql`select from slabmend.uploads`).toHaveLength(0);
  });

  test("an expired lease whose repair never began is not a crash", async () => {
    const slab = await damaged();
    await leaseByHand(sql, slab, { running: false, expired: true });
    expect(await run()).toMatchObject({ freed: 1, crashed: 0 });
    expect(await historyOf(slab)).toMatchObject({ crashes: 0, ours: true, minutes: 0 });
    expect(await sql`select 1 from slabmend.journal`).toHaveLength(0);
  });

  test("a live lease stays", async () => {
    await leaseByHand(sql, await damaged());
    await leaseByHand(sql, await damaged(), { running: false });
    expect(await run()).toMatchObject({ freed: 0, crashed: 0 });
    expect(await sql`select 1 from slabmend.leases`).toHaveLength(2);
  });

  test("if indexd has claimed a slab, reap removes our expired lease, keeps indexd's claim and counts no crash", async () => {
    const slab = await damaged();
    await leaseByHand(sql, slab, { expired: true });
    await sql`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(slab.id)}`;
    const [before] = await sql`select next_repair_attempt::text from slabs where id = ${String(slab.id)}`;
    expect(await run()).toMatchObject({ taken: 1, crashed: 0 });
    expect(await sql`select next_repair_attempt::text from slabs where id = ${String(slab.id)}`).toEqual([
      before,
    ]);
    expect(await historyOf(slab)).toBeUndefined();
    expect(await sql`select 1 from slabmend.leases`).toHaveLength(0);
  });

  test("the expired lease of a deleted slab is removed", async () => {
    const slab = await damaged();
    await leaseByHand(sql, slab, { expired: true });
    await sql`delete from slabs where id = ${String(slab.id)}`;
    expect(await run()).toMatchObject({ taken: 1 });
    expect(await sql`select 1 from slabmend.leases`).toHaveLength(0);
  });

  test("a lease stays if, after the decision to end it, it was extended or replaced or its repair began", async () => {
    const slab = await damaged();
    const token = await leaseByHand(sql, slab);
    const decision = { slabId: String(slab.id), token, kind: "crash", delayMs: 0 } as const;
    const none = { freed: 0, crashed: 0, quarantined: 0, taken: 0 };
    // None of the next three calls changes anything. At the first call the lease has not expired; at the second call
    // its repair has begun since the decision; at the third call another lease has replaced it.
    expect(await reapLeases(sql, [{ ...decision, running: true }])).toEqual(none);
    await sql`update slabmend.leases set expires_at = clock_timestamp()`;
    expect(await reapLeases(sql, [{ ...decision, running: false }])).toEqual(none);
    expect(await reapLeases(sql, [{ ...decision, running: true, token: randomUUID() }])).toEqual(none);
    expect(await reapLeases(sql, [{ ...decision, running: true }])).toEqual({ ...none, crashed: 1 });
  });

  test("reap skips an expired lease that a commit has locked, and records no crash", async () => {
    const slab = await damaged();
    const token = await leaseByHand(sql, slab, { expired: true });
    await sql.begin(async (tx) => {
      expect(await commitRepair(tx, requestOf(slab, token))).toMatchObject({ kind: "committed" });
      expect(await run()).toMatchObject({ crashed: 0 });
    });
    expect(await run()).toMatchObject({ crashed: 0 });
  });

  test("the worker of a reaped lease cannot commit, and learns that its lease was reaped", async () => {
    const slab = await damaged();
    const { token } = await crash(slab);
    expect(await commitRepair(sql, requestOf(slab, token))).toEqual({ kind: "superseded", why: "reaped" });
  });

  test("many expired leases are reaped in batches", async () => {
    const slabs = await seedSlabs(sql, {
      slabs: Array.from({ length: 230 }, () => ({ minShards: 1, sectors: [LOST] })),
    });
    for (const slab of slabs) await leaseByHand(sql, slab, { running: false, expired: true });
    const steps: ReapStep[] = [];
    expect(await run({ step: (name) => void steps.push(name) })).toMatchObject({ freed: 230 });
    expect(steps.filter((step) => step === "reaped")).toHaveLength(3);
  });
});

describe("quarantine", () => {
  test("a slab that crashes three times while other slabs are repaired is quarantined for 24 hours", async () => {
    const slab = await damaged();
    await anotherSucceeds();
    await crash(slab);
    await crash(slab);
    expect(await historyOf(slab)).toMatchObject({ crashes: 2, quarantined: null });
    expect((await crash(slab)).report).toMatchObject({ crashed: 1, quarantined: 1 });
    expect(await historyOf(slab)).toMatchObject({
      crashes: 3,
      quarantined: true,
      quarantine_reason: "3 repairs in a row crashed while other slabs were repaired",
      // indexd may try the slab meanwhile.
      minutes: 0,
    });
  });

  test("a crashing slab is quarantined if another slab's repair moved sectors, even if that repair then failed", async () => {
    const slab = await damaged();
    for (let n = 0; n < 2; n += 1) await crash(slab);
    await anotherSucceeds();
    await sql`update slabmend.journal set outcome = 'too-few-sources', moves = '[{"index": 0}]' where outcome = 'repaired'`;
    expect((await crash(slab)).report).toMatchObject({ crashed: 1, quarantined: 1 });
  });

  test("while no other slab is repaired, a slab that crashes waits longer each time instead of being quarantined", async () => {
    const slab = await damaged();
    const minutes: (number | undefined)[] = [];
    for (let n = 0; n < 5; n += 1) {
      expect((await crash(slab)).report.quarantined).toBe(0);
      minutes.push((await historyOf(slab))?.["minutes"]);
    }
    expect(minutes).toEqual([0, 0, 2, 4, 8]);
  });

  test("a slab that crashed three times is not quarantined if the only successes are its own or two hours old", async () => {
    const slab = await damaged();
    await commitRepair(sql, requestOf(slab, await leaseByHand(sql, slab)));
    await anotherSucceeds();
    await sql`
      update slabmend.journal set finished_at = now() - interval '2 hours' where slab_id <> ${String(slab.id)}`;
    for (let n = 0; n < 3; n += 1) expect((await crash(slab)).report.quarantined).toBe(0);
  });

  test("while no slab may be quarantined, a forced repair's crash does not shorten a quarantine", async () => {
    const slab = await damaged();
    await anotherSucceeds();
    for (let n = 0; n < 3; n += 1) await crash(slab);
    await sql`update slabmend.journal set finished_at = now() - interval '2 hours'`;
    expect((await crash(slab)).report).toMatchObject({ crashed: 1, quarantined: 0 });
    expect(await historyOf(slab)).toMatchObject({
      crashes: 4,
      quarantined: true,
      quarantine_reason: "3 repairs in a row crashed while other slabs were repaired",
    });
  });

  test("no slab is quarantined while six slabs crash three times each", async () => {
    await anotherSucceeds();
    const slabs = await seedSlabs(sql, {
      slabs: Array.from({ length: 6 }, () => ({ minShards: 1, sectors: [LOST] })),
    });
    for (let round = 0; round < 3; round += 1) {
      for (const slab of slabs) await leaseByHand(sql, slab, { expired: true });
      expect(await run()).toMatchObject({ crashed: 6, quarantined: 0, breaker: "open" });
    }
  });
});

test("reap flushes the outbox and reports the number of bumped events", async () => {
  const slab = await damaged();
  await seedObject(sql, { accountId: await seedAccount(sql), slabs: [slab] });
  for (let n = 0; n < 150; n += 1) {
    await sql`insert into slabmend.moved (slab_id, digest, moved_at)
      values (${String(slab.id)}, ${Buffer.from(slab.digest, "hex")}, now())`;
  }
  expect(await run()).toMatchObject({ eventsBumped: 150 });
  expect(await sql`select 1 from slabmend.moved`).toHaveLength(0);
});

test("reap reports a slab whose objects are locked, and still bumps and counts the events of other slabs", async () => {
  const [stuck, other] = [await damaged(), await damaged()];
  const accountId = await seedAccount(sql);
  const { objectKey } = await seedObject(sql, { accountId, slabs: [stuck] });
  for (const { id, digest } of [stuck, other]) {
    await sql`insert into slabmend.moved (slab_id, digest, moved_at) values (${String(id)}, ${Buffer.from(digest, "hex")}, now())`;
  }
  const client = postgres(database.url, { max: 1, onnotice: () => {}, connection: { lock_timeout: 50 } });
  try {
    await sql.begin(async (tx) => {
      await tx`select from object_events where object_key = ${objectKey} for update`;
      const failure = await run({ client }).catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: "reap-incomplete",
        details: { phases: "events" },
        report: { eventsBumped: 1 },
        cause: { code: "outbox-stuck", details: { slabId: String(stuck.id) } },
      });
    });
  } finally {
    await client.end();
  }
});

test("reap sends unsent leases", async () => {
  const slab = await damaged();
  const token = await leaseByHand(sql, slab, { running: false });
  await sql`update slabmend.leases set sent_at = null, sending_since = now() - interval '1 minute'`;
  const sent: LeasedSlab[] = [];
  const queue: RepairQueue = {
    async send(batch) {
      sent.push(...batch);
      return { sent: batch, failed: [] };
    },
  };
  expect(await run({ queue })).toMatchObject({ resent: 1 });
  expect(sent).toEqual([{ slabId: slab.id, digest: slab.digest, token }]);
  expect(await run({ queue })).toMatchObject({ resent: 0 });
});

describe("history", () => {
  const insert = (id: number | bigint, rest: Record<string, unknown>) =>
    sql`insert into slabmend.repairs ${sql({
      slab_id: String(id),
      digest: Buffer.alloc(32),
      last_outcome: "repaired",
      finished_at: new Date(),
      next_repair_attempt: new Date(Date.now() - 3 * 3_600_000),
      ...rest,
    } as never)}`;
  const left = async () => {
    const rows = await sql<
      { id: string }[]
    >`select slab_id::text as id from slabmend.repairs order by slab_id`;
    return rows.map((row) => BigInt(row.id));
  };
  const someSlabs = async (count: number) =>
    (
      await seedSlabs(sql, {
        slabs: Array.from({ length: count }, () => ({ minShards: 1, sectors: [LOST] })),
      })
    ).map(({ id }) => id);

  test("the history of a healthy slab is removed after an hour, unless it has crashes, bad shards or a quarantine", async () => {
    const ids = await someSlabs(7);
    await insert(ids[0]!, {});
    await insert(ids[1]!, { last_outcome: "healthy" });
    await insert(ids[2]!, { next_repair_attempt: new Date(Date.now() - 1_800_000) });
    await insert(ids[3]!, { last_outcome: "partial-refused" });
    await insert(ids[4]!, { crashes: 1 });
    await insert(ids[5]!, { bad_shards: [{ index: 1, root: "00" }] });
    await insert(ids[6]!, { quarantined_until: new Date(), quarantine_reason: "crashes" });
    expect(await run({ settings: { forgetAfterMs: 3_600_000 } })).toMatchObject({ forgotten: 2 });
    expect(await left()).toEqual(ids.slice(2));
  });

  test("the history of deleted slabs is removed, except for a slab that still has a lease", async () => {
    const ids = await someSlabs(2);
    for (const id of [1_000_001, 1_000_002, 1_000_003]) await insert(id, { last_outcome: "too-few-sources" });
    for (const id of ids) await insert(id, { last_outcome: "too-few-sources" });
    await sql`
      insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, expires_at, margin)
      values (1000003, ${Buffer.alloc(32)}, now(), now() + interval '1 hour', now(), now() + interval '1 hour', 0)`;
    expect(await forgetFineSlabs(sql, { olderThanMs: 1, limit: 100 })).toBe(2);
    expect(await left()).toEqual([...ids, 1_000_003n]);
  });

  test("each cleanup of history checks one batch of rows, and after the last row continues with the first", async () => {
    const ids = await someSlabs(6);
    for (const id of ids) await insert(id, { last_outcome: "partial-refused" });
    const piece = () => forgetFineSlabs(sql, { olderThanMs: 1, limit: 4 });
    expect(await piece()).toBe(0);
    await sql`update slabmend.repairs set last_outcome = 'repaired'`;
    // The first call checked the first four rows. The second call checks the last two rows, the third call the first
    // four again.
    expect(await piece()).toBe(2);
    expect(await left()).toEqual(ids.slice(0, 4));
    expect(await piece()).toBe(4);
  });
});

describe("dead letters", () => {
  let server: QueueServer;
  let client: SQSClient;
  let queues: QueuePair;
  beforeAll(async () => {
    server = await startQueueServer();
    client = server.createClient();
    queues = await server.createQueues({ visibilityTimeoutSeconds: 30, maxReceiveCount: 5 });
  });
  afterAll(async () => {
    client.destroy();
    await server.stop();
  });
  const put = (body: string) =>
    client.send(new SendMessageCommand({ QueueUrl: queues.deadLetters.url, MessageBody: body }));
  const queue = () => createDeadLetterQueue({ client, queueUrl: queues.deadLetters.url });
  const stored = () => sql`
    select body, body_bytes, cause, slab_id::text, token, receive_count, times_seen, last_seen >= first_seen as ordered
    from slabmend.dead_letters order by body`;

  test("reap stores all dead letters with their causes and removes them from the queue", async () => {
    const slab = await damaged();
    const token = await leaseByHand(sql, slab, { running: false });
    await put(encodeRepairMessage({ slabId: slab.id, digest: slab.digest, token }, "default"));
    await put("no json");
    await put('{"v":2}');
    await put("x".repeat(20_000));
    for (let n = 0; n < 10; n += 1) await put(`z${n}`);
    expect(await run({ deadLetters: queue() })).toMatchObject({ deadLetters: 14 });
    expect(await server.count(queues.deadLetters)).toEqual({ visible: 0, inFlight: 0 });
    const rows = await stored();
    expect(rows).toHaveLength(14);
    const seen = { receive_count: 1, times_seen: 1, ordered: true };
    expect(rows.filter((row) => !row["body"].startsWith("z"))).toEqual([
      { body: "no json", body_bytes: 7, cause: "message-not-json", slab_id: null, token: null, ...seen },
      {
        body: "x".repeat(16_384),
        body_bytes: 20_000,
        cause: "message-too-large",
        slab_id: null,
        token: null,
        ...seen,
      },
      {
        body: encodeRepairMessage({ slabId: slab.id, digest: slab.digest, token }, "default"),
        body_bytes: expect.any(Number),
        cause: "never-begun",
        slab_id: String(slab.id),
        token,
        ...seen,
      },
      {
        body: '{"v":2}',
        body_bytes: 7,
        cause: "message-unknown-version",
        slab_id: null,
        token: null,
        ...seen,
      },
    ]);
  });

  test("unless the repair has begun, reap ends a dead letter's lease, so that claim can lease the slab again", async () => {
    const [waiting, running] = [await damaged(), await damaged()];
    const tokens = {
      waiting: await leaseByHand(sql, waiting, { running: false }),
      running: await leaseByHand(sql, running),
    };
    await put(
      encodeRepairMessage({ slabId: waiting.id, digest: waiting.digest, token: tokens.waiting }, "default"),
    );
    await put(
      encodeRepairMessage({ slabId: running.id, digest: running.digest, token: tokens.running }, "default"),
    );
    // This message names an earlier lease of the slab.
    const other = randomUUID() as typeof tokens.waiting;
    await put(encodeRepairMessage({ slabId: running.id, digest: running.digest, token: other }, "default"));
    expect(await run({ deadLetters: queue() })).toMatchObject({
      deadLetters: 3,
      freed: 0,
    });
    expect(await run({ deadLetters: queue() })).toMatchObject({
      deadLetters: 0,
      freed: 1,
      crashed: 0,
    });
    const left = await sql<{ token: string }[]>`select token from slabmend.leases`;
    expect(left.map(({ token }) => token)).toEqual([tokens.running]);
    expect(await historyOf(waiting)).toMatchObject({ last_outcome: "never-begun", ours: true, minutes: 0 });
  });

  test("a dead letter that could not be deleted is received again, and is stored in the same row", async () => {
    const letter = (receiveCount: number): DeadLetter => ({
      messageId: "m-1",
      // Characters that neither JSON nor PostgreSQL text may contain.
      body: "a\0b\ud800",
      receiveCount,
      sentAtMs: undefined,
      receiptHandle: `r-${receiveCount}`,
    });
    const batches = [[letter(5), letter(6)], [letter(7)], []];
    let deletes = 0;
    const failing: DeadLetterQueue = {
      receive: async () => batches.shift() ?? [],
      delete: async () => {
        deletes += 1;
        if (deletes === 1) throw new Error("no delete");
      },
    };
    await expect(run({ deadLetters: failing })).rejects.toMatchObject({ code: "reap-incomplete" });
    expect(await run({ deadLetters: failing })).toMatchObject({ deadLetters: 1 });
    expect(await stored()).toMatchObject([
      { body: "a\u{FFFD}b\u{FFFD}", receive_count: 7, times_seen: 2, cause: "message-not-json" },
    ]);
  });
});

test("a failed part of reap does not stop the other parts, and the results of all parts are reported", async () => {
  const slab = await damaged();
  await leaseByHand(sql, slab, { expired: true });
  const other = await damaged();
  await leaseByHand(sql, other, { running: false });
  await sql`
    update slabmend.leases set sent_at = null, sending_since = now() - interval '1 minute'
    where slab_id = ${String(other.id)}`;
  const deadLetters: DeadLetterQueue = {
    receive: () => Promise.reject(new Error("no queue")),
    delete: async () => {},
  };
  const error = (await run({ deadLetters }).catch((failure: unknown) => failure)) as ReapIncompleteError;
  expect(error).toMatchObject({ code: "reap-incomplete", details: { phases: "unsent, dead-letters" } });
  expect(error.report).toMatchObject({ crashed: 1, breaker: "closed" });
  expect([...error.failures.keys()]).toEqual(["unsent", "dead-letters"]);
});
