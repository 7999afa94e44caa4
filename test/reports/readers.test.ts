/** Reports from a database match their schemas, and each page continues where the previous page ended. */
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { readSlab } from "../../lib/database/indexd/read-slab.ts";
import { readHistoryReport } from "../../lib/reports/history.ts";
import { historySchema } from "../../lib/reports/history-schema.ts";
import { readHostsReport } from "../../lib/reports/hosts.ts";
import { hostsSchema } from "../../lib/reports/hosts-schema.ts";
import { readSlabReport } from "../../lib/reports/slab.ts";
import { readSlabsReport, type SlabsRequest } from "../../lib/reports/slabs.ts";
import type { UnhealthySlab } from "../../lib/reports/slabs-schema.ts";
import { slabSchema, slabsSchema } from "../../lib/reports/slabs-schema.ts";
import { readDeadLettersReport, readQuarantineReport } from "../../lib/reports/standing.ts";
import { deadLettersSchema, quarantineSchema } from "../../lib/reports/standing-schema.ts";
import { readThroughputReport } from "../../lib/reports/throughput.ts";
import { throughputSchema } from "../../lib/reports/throughput-schema.ts";
import type { HostKey } from "../../lib/slab/ids.ts";
import { walk, walkSettings } from "../jobs/backlog/backlog-fixture.ts";
import { askOf } from "../support/ask.ts";
import { useDatabase } from "../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedNetwork,
  seedObject,
  seedSlabs,
} from "../support/seed-indexd.ts";

const { sql } = useDatabase();
const ask = askOf(sql);
let hosts: SeededHost[];
let blocked: SeededHost;
/**
 * Slabs with min_shards 3. `beyond` has 2 sectors on good hosts, `endangered` 4, `safe` and `waiting` 11 each;
 * `waiting` also has a sector on a blocked host.
 */
let beyond: SeededSlab, endangered: SeededSlab, safe: SeededSlab, waiting: SeededSlab;

/** Fails unless the report has exactly the documented keys. */
function documented<Report>(schema: v.GenericSchema, report: Report): Report {
  expect(v.parse(schema, report)).toEqual(report);
  return report;
}

beforeAll(async () => {
  hosts = await seedNetwork(sql, {
    hosts: 13,
    seed: (n) => ({ addresses: [`10.0.${n}.1:1`], blocked: n === 12 }),
  });
  blocked = hosts[12]!;
  const live = (count: number) => placeOn(hosts.slice(0, count));
  [beyond, endangered, safe, waiting] = (await seedSlabs(sql, {
    minShards: 3,
    slabs: [
      { sectors: [LOST, LOST, ...live(2)] },
      { sectors: [LOST, ...live(4)] },
      { sectors: [LOST, ...live(11)] },
      { sectors: [...live(11), ...placeOn([blocked])] },
    ],
  })) as [SeededSlab, SeededSlab, SeededSlab, SeededSlab];
  const accountId = await seedAccount(sql);
  for (let n = 0; n < 7; n++) await seedObject(sql, { accountId, slabs: [endangered, endangered] });
  await walk(sql, walkSettings({ graceMs: 3_600_000 }));
  await sql`
    insert into slabmend.repairs (slab_id, digest, last_outcome, last_error, finished_at, next_repair_attempt, quarantined_until,
      quarantine_reason, crashes)
    select id, digest, 'too-few-sources', null, clock_timestamp(), clock_timestamp(), clock_timestamp() + interval '1 day',
      'it crashed workers', 3
    from slabs where id = ${String(safe.id)}`;
});

describe("slabs", () => {
  const list = async (request?: SlabsRequest) => documented(slabsSchema, await readSlabsReport(ask, request));
  const ids = ({ slabs }: { readonly slabs: readonly UnhealthySlab[] }) => slabs.map(({ id }) => id);

  test("the slabs report lists slabs most likely to be lost first, with causes, state and objects", async () => {
    const report = await list();
    expect(ids(report).slice(0, 2)).toEqual([String(beyond.id), String(endangered.id)]);
    expect(report).toMatchObject({ matching: 4, next: null, walkFinishedAt: expect.any(String) });
    expect(report.slabs[0]).toMatchObject({
      lossProbability: 1,
      margin: -1,
      causes: { lost: 2 },
      inDanger: true,
    });
    expect(report.slabs[1]).toMatchObject({
      digest: endangered.digest,
      minShards: 3,
      totalShards: 5,
      margin: 1,
      state: "ready",
      until: null,
      lastOutcome: null,
      objects: { count: 7, more: false },
    });
    expect(report.slabs[1]!.objects.keys).toHaveLength(5);
    const of = (slab: SeededSlab) => report.slabs.find(({ id }) => id === String(slab.id));
    expect(of(safe)).toMatchObject({ state: "quarantined", inDanger: true, lastOutcome: "too-few-sources" });
    expect(of(waiting)).toMatchObject({
      state: "waiting",
      until: expect.any(String),
      causes: { "bad-host": 1 },
      inDanger: false,
    });
  });

  test("the slabs report filters by danger, margin and cause", async () => {
    expect((await list({ atRisk: true })).matching).toBe(3);
    expect(ids(await list({ margin: 1 }))).toEqual([beyond, endangered].map(({ id }) => String(id)));
    expect(ids(await list({ cause: "bad-host" }))).toEqual([String(waiting.id)]);
    expect(ids(await list({ cause: "no such" }))).toEqual([]);
  });

  test("the pages of the slabs report contain each slab once, in order", async () => {
    const all = ids(await list());
    const paged: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ limit: 1, cursor });
      expect(page.matching).toBe(4);
      paged.push(...ids(page));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(paged).toEqual(all);
  });

  test.each(["", "x", "bm9uc2Vuc2U", "MSA5OTk5OTk5OTk5OTk5OTk5OTk5OQ"])(
    "a cursor %j that no page issued is refused",
    async (cursor) => {
      await expect(list({ cursor })).rejects.toMatchObject({ code: expect.stringMatching(/^malformed-/) });
    },
  );
});

test("the slab report lists each shard, with the causes of moves", async () => {
  const report = documented(slabSchema, (await readSlabReport(sql, (await readSlab(sql, waiting.id))!))!);
  expect(report).toMatchObject({ margin: 8, state: "waiting", lease: null, lastRepair: null });
  expect(report.shards[0]).toMatchObject({ state: "live", hostKey: hosts[0]!.hostKey, why: [] });
  expect(report.shards[11]).toMatchObject({ state: "bad-host", hostKey: blocked.hostKey, why: ["blocked"] });
  const lost = (await readSlabReport(sql, (await readSlab(sql, endangered.id))!))!;
  expect(lost.shards[0]).toMatchObject({ state: "lost", hostId: null, hostKey: null, address: null });
  expect(lost.objects.keys).toHaveLength(7);
});

test("the hosts report lists candidates first, and says why the other hosts are not candidates", async () => {
  await sql`
    insert into slabmend.host_scores (host_key, read_bytes, read_ms, successes, failures, faded_at)
    values (decode(${hosts[3]!.hostKey}, 'hex'), 10000000, 1000, 0, 40, clock_timestamp())`;
  const report = documented(hostsSchema, await readHostsReport(ask, { maxUnpinnedPerHost: 1_000 }));
  expect(report).toMatchObject({ total: 13, good: 12, candidates: 12 });
  expect(report.hosts.at(-1)).toMatchObject({
    hostKey: blocked.hostKey,
    isCandidate: false,
    why: ["blocked", "no-append-contract"],
  });
  // This host fails most often, and comes after all other candidates.
  expect(report.hosts[11]).toMatchObject({
    hostKey: hosts[3]!.hostKey,
    score: { failureRate: expect.closeTo(40 / 44, 2) },
  });
});

describe("history and throughput", () => {
  beforeAll(async () => {
    const move = JSON.stringify([
      { index: 0, root: "a".repeat(64), from: null, to: hosts[5]!.hostKey, how: "rebuilt" },
    ]);
    await sql`
      insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, moves, bytes_read, hastings, worker,
        leased_at, began_at, finished_at)
      select gen_random_uuid(), case when n % 2 = 0 then 1 else 2 end, sha256('x'), case when n = 1 then 'fault' else 'repaired' end,
        'repaired', case when n = 6 then ${move}::text::jsonb else '[]' end, 100, 3, 'w', t, t, t + interval '2 seconds'
      from generate_series(1, 6) n,
        -- Several end in the same microsecond.
        lateral (select clock_timestamp() - interval '90 minutes' + (n / 3) * interval '30 minutes' as t) x`;
  });
  const read = async (request?: Parameters<typeof readHistoryReport>[1]) =>
    documented(historySchema, await readHistoryReport(ask, request));

  test("the pages of the history contain each repair once, latest first", async () => {
    const all = (await read()).repairs.map(({ id }) => id);
    expect(all).toHaveLength(6);
    const paged: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await read({ limit: 1, cursor });
      paged.push(...page.repairs.map(({ id }) => id));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(paged).toEqual(all);
  });

  test("the history filters by slab, outcome, host and time", async () => {
    expect((await read({ slabId: 1n as never })).repairs).toHaveLength(3);
    expect((await read({ outcome: "fault" })).repairs).toMatchObject([{ outcome: "fault", slabId: "2" }]);
    expect((await read({ host: hosts[5]!.hostKey })).repairs).toMatchObject([
      { moves: [{ how: "rebuilt" }] },
    ]);
    expect((await read({ host: "f".repeat(64) as HostKey })).repairs).toEqual([]);
    const since = new Date(Date.now() - 40 * 60_000);
    expect(await read({ since })).toMatchObject({ searchedSince: since.toISOString(), next: null });
    expect((await read({ since })).repairs).toHaveLength(1);
  });

  test("throughput has a bucket for every hour, including empty ones", async () => {
    const report = documented(throughputSchema, await readThroughputReport(ask, { hours: 5 }));
    expect(report.buckets).toHaveLength(5);
    const sum = (key: "repairs" | "slabs" | "sectorsRebuilt" | "bytesRead" | "workerSeconds") =>
      report.buckets.reduce((total, bucket) => total + bucket[key], 0);
    expect([
      sum("repairs"),
      sum("slabs"),
      sum("sectorsRebuilt"),
      sum("bytesRead"),
      sum("workerSeconds"),
    ]).toEqual([6, 5, 1, 600, 12]);
    expect(report.buckets[0]).toMatchObject({ repairs: 0, outcomes: {}, paid: { hastings: "0" } });
    expect(Date.parse(report.buckets.at(-1)!.to)).toBeGreaterThan(Date.parse(report.at));
  });

  test("throughput of a week in buckets of one second is reduced to at most a thousand buckets", async () => {
    const report = await readThroughputReport(ask, { hours: 168, bucketSeconds: 1 });
    expect(report.buckets.length).toBeLessThanOrEqual(1_000);
  });
});

test("the dead letters report has the fate of each letter, and the quarantine report the crashes of each slab", async () => {
  await sql`
    insert into slabmend.dead_letters (message_id, body, body_bytes, cause, receive_count, first_seen, last_seen)
    values ('m', 'x', 1, 'unreadable', 6, now(), now())`;
  const letters = documented(deadLettersSchema, await readDeadLettersReport(ask, { limit: 10 }));
  expect(letters).toMatchObject({ total: 1, letters: [{ fate: "unreadable", slabId: null, body: "x" }] });
  const quarantine = documented(quarantineSchema, await readQuarantineReport(ask, { limit: 10 }));
  expect(quarantine).toMatchObject({ total: 1, slabs: [{ slabId: String(safe.id), crashes: 3 }] });
});
