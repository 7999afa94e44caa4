/**
 * How a commit changes the mark of an unrecoverable slab on each version of indexd's database, and what happens to a
 * commit when indexd is upgraded meanwhile.
 */
import postgres, { type Sql } from "postgres";
import { afterEach, describe, expect, test } from "vitest";
import { checkRules } from "../../../dev/demo/check-rules.ts";
import { upgradeIndexd, upgradeStatements } from "../../../dev/indexd/indexd-schema.ts";
import { commitRepair } from "../../../lib/database/leases/commit-repair.ts";
import type { OutcomeKind } from "../../../lib/database/leases/outcome-writes.ts";
import type { TestDatabase } from "../../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedNetwork,
  seedSlab,
} from "../../support/seed-indexd.ts";
import { statisticsThatDisagree } from "../../support/seed-statistics.ts";
import { indexdState, leaseByHand, movesFromHere, requestOf } from "../running-lease.ts";
import { createVersionDatabase, untilItWaits } from "./version-database.ts";

let database: TestDatabase;
let sql: Sql;
let hosts: SeededHost[];
afterEach(() => database.drop());

async function open(version: 22 | 23 | 26): Promise<void> {
  database = await createVersionDatabase(version);
  sql = database.sql;
  hosts = await seedNetwork(sql, { hosts: 6 });
}

const damaged = (columns?: Record<string, unknown>, minShards = 1): Promise<SeededSlab> =>
  seedSlab(sql, { minShards, sectors: [LOST, ...placeOn(hosts.slice(0, 3))], ...(columns && { columns }) });

async function requestFor(slab: SeededSlab, kind: OutcomeKind = "repaired") {
  const token = await leaseByHand(sql, slab);
  return requestOf(slab, token, {
    outcome: { kind },
    moves: await movesFromHere(sql, slab, [[0, hosts[4]!]]),
  });
}

describe("the mark of an unrecoverable slab on version 26", () => {
  const mark = async () =>
    (
      await sql`select unrecoverable_since = 'epoch' as for_ever, unrecoverable_since is not null as since,
        unrecoverable_reason as reason from slabs`
    )[0];
  const window = { unrecoverable_since: new Date(Date.now() - 86_400_000) };
  const ranOut = { ...window, unrecoverable_reason: "too few sectors for 30 days" };
  const forEver = { unrecoverable_since: new Date(0), unrecoverable_reason: "a shard did not match" };
  const CLEARED = { for_ever: null, since: false, reason: null };

  test.each([
    ["a running window is closed by a repair", window, "repaired", CLEARED],
    ["a running window is closed by a partial repair", window, "partial-refused", CLEARED],
    ["a window that ran out is closed, and the slab is back in rotation", ranOut, "repaired", CLEARED],
    [
      "a slab that can never be completed stays marked",
      forEver,
      "repaired",
      { for_ever: true, since: true, reason: "a shard did not match" },
    ],
    [
      "too few sources leave the window to indexd",
      window,
      "too-few-sources",
      { for_ever: false, since: true, reason: null },
    ],
  ] as const)("%s", async (_name, columns, kind, expected) => {
    await open(26);
    const slab = await damaged(columns);
    expect(await commitRepair(sql, await requestFor(slab, kind))).toMatchObject({ kind: "committed" });
    expect(await mark()).toEqual(expected);
    // indexd's triggers have counted the change.
    expect(await statisticsThatDisagree(sql)).toEqual([]);
    expect(await checkRules(sql, { settled: false })).toEqual([]);
  });

  test("a slab with fewer than min_shards located sectors keeps its recovery window, even if a sector was moved", async () => {
    await open(26);
    const slab = await damaged(window, 5);
    expect(await commitRepair(sql, await requestFor(slab, "partial-refused"))).toMatchObject({
      recorded: [0],
    });
    expect(await mark()).toEqual({ for_ever: false, since: true, reason: null });
  });

  test("without privileges on columns that an upgrade added, a repair is committed, but the recovery window stays", async () => {
    await open(26);
    const slab = await damaged(window);
    const request = await requestFor(slab);
    const role = `before_${Math.random().toString(36).slice(2)}`;
    // The privileges that the role had before the upgrade.
    await sql.unsafe(`create role ${role}; grant all on all tables in schema public, slabmend to ${role};
      grant usage on schema public, slabmend to ${role}; grant usage on all sequences in schema public to ${role};
      revoke all on slabs from ${role};
      grant select (id, digest, version, min_shards, encryption_key, consecutive_failed_repairs, next_repair_attempt),
        update (consecutive_failed_repairs, next_repair_attempt) on slabs to ${role}`);
    try {
      await sql.begin(async (tx) => {
        await tx.unsafe(`set local role ${role}`);
        expect(await commitRepair(tx, request)).toMatchObject({ kind: "committed", recorded: [0] });
        expect(await tx`select * from slabmend.given_up_slabs(array[${String(slab.id)}::bigint])`).toEqual(
          [],
        );
      });
    } finally {
      await sql.unsafe(`drop owned by ${role}; drop role ${role}`);
    }
    expect(await mark()).toEqual({ for_ever: false, since: true, reason: null });
  });
});

test("on version 23 a repair does not change the unrecoverable mark, and indexd's triggers count a failed repair", async () => {
  await open(23);
  const slab = await damaged({
    unrecoverable: true,
    unrecoverable_reason: "a shard",
    consecutive_failed_repairs: 1,
  });
  await commitRepair(sql, await requestFor(slab));
  const other = await damaged({ consecutive_failed_repairs: 1 });
  await commitRepair(sql, await requestFor(other, "too-few-sources"));
  expect(
    await sql`select unrecoverable, consecutive_failed_repairs as failed from slabs order by id`,
  ).toEqual([
    { unrecoverable: true, failed: 0 },
    { unrecoverable: false, failed: 2 },
  ]);
  expect(await statisticsThatDisagree(sql)).toEqual([]);
});

test("on version 22 indexd has given up no slab, on 23 the flagged slabs, on 26 the slabs whose reason still holds", async () => {
  const givenUp = async () =>
    (
      await sql<
        { id: string }[]
      >`select id::text from slabmend.given_up_slabs(array(select id from slabs)) as g (id)`
    ).map(({ id }) => id);
  await open(22);
  await damaged();
  expect(await givenUp()).toEqual([]);
  await database.drop();

  await open(23);
  const marked = await damaged({ unrecoverable: true, unrecoverable_reason: "a shard" });
  await damaged();
  expect(await givenUp()).toEqual([String(marked.id)]);
  await upgradeIndexd(sql);
  const fromWindow = { unrecoverable_since: new Date(), unrecoverable_reason: "30 days" };
  // The next slab is not given up: as many of its sectors as min_shards have a host, and the state of these hosts does
  // not matter.
  await damaged(fromWindow, 3);
  const hopeless = await damaged(fromWindow, 4);
  await damaged({ unrecoverable_since: new Date() });
  const { verifyIndexd } = await import("../../../lib/database/indexd/version/verify-indexd.ts");
  await verifyIndexd(sql, undefined);
  expect(await givenUp()).toEqual([String(marked.id), String(hopeless.id)]);
});

describe("indexd is upgraded while a repair runs", () => {
  test("a commit after an upgrade of indexd is recorded by the rules of the new version", async () => {
    await open(22);
    const slab = await damaged();
    const request = await requestFor(slab);
    await upgradeIndexd(sql);
    expect(await commitRepair(sql, request)).toMatchObject({ kind: "committed", recorded: [0] });
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });

  test("a commit that waits for the upgrade's lock is recorded by the rules of the new version", async () => {
    await open(22);
    const slab = await damaged();
    const request = await requestFor(slab);
    const worker = postgres(database.url, { max: 1, onnotice: () => {} });
    try {
      const [backend] = await worker<{ pid: number }[]>`select pg_backend_pid() as pid`;
      let committing: Promise<unknown> | undefined;
      await sql.begin(async (tx) => {
        await tx.unsafe(upgradeStatements(23));
        committing = commitRepair(worker, request);
        await untilItWaits(sql, backend!.pid);
      });
      expect(await committing).toMatchObject({ kind: "committed", recorded: [0] });
    } finally {
      await worker.end();
    }
    expect(await sql`select profile from slabmend.indexd`).toEqual([{ profile: 23 }]);
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });

  test("a commit during an upgrade waits for its end", async () => {
    await open(22);
    const slab = await damaged();
    const request = await requestFor(slab);
    await upgradeIndexd(sql, 24);
    const committing = commitRepair(sql, request);
    await upgradeIndexd(sql);
    expect(await committing).toMatchObject({ kind: "committed", recorded: [0] });
  });

  test("a commit after an upgrade to an unknown version is superseded and changes no rows of indexd", async () => {
    await open(26);
    const slab = await damaged();
    const request = await requestFor(slab);
    await sql.unsafe("alter table slabs add column meaning text; update global_settings set db_version = 29");
    const before = await indexdState(sql);
    expect(await commitRepair(sql, request)).toEqual({ kind: "superseded", why: "indexd-changed" });
    expect(await indexdState(sql)).toEqual(before);
    expect(await sql`select error from slabmend.journal`).toEqual([{ error: "indexd-changed" }]);
  });
});
