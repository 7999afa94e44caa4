import { beforeAll, expect, test } from "vitest";
import { commitRepair } from "../../lib/database/leases/commit-repair.ts";
import type { OutcomeKind } from "../../lib/database/leases/outcome-writes.ts";
import { useDatabase } from "../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedNetwork,
  seedObject,
  seedSlab,
} from "../support/seed-indexd.ts";
import { leaseByHand, movesFromHere, requestOf } from "./running-lease.ts";

const { sql } = useDatabase();
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 6 });
});

const slabWithLoss = (failures = 0): Promise<SeededSlab> =>
  seedSlab(sql, {
    minShards: 1,
    sectors: [LOST, ...placeOn(hosts.slice(0, 3))],
    columns: { consecutive_failed_repairs: failures },
  });

async function slabRow(slab: SeededSlab) {
  const [row] = await sql<{ failures: number; minutes: number; ours: boolean }[]>`
    select s.consecutive_failed_repairs as failures,
      round(extract(epoch from s.next_repair_attempt - clock_timestamp()) / 60)::int as minutes,
      s.next_repair_attempt = r.next_repair_attempt as ours
    from slabs s join slabmend.repairs r on r.slab_id = s.id where s.id = ${String(slab.id)}`;
  return row!;
}

async function end(slab: SeededSlab, kind: OutcomeKind) {
  const token = await leaseByHand(sql, slab);
  return await commitRepair(sql, requestOf(slab, token, { outcome: { kind } }));
}

// In rows with 17 minutes, the next attempt stays as the running lease has set it.
test.each<[OutcomeKind, number, number, number]>([
  ["repaired", 3, 0, 17],
  ["healthy", 3, 3, 17],
  ["partial-deadline", 3, 3, 0],
  ["partial-refused", 0, 1, 60],
  ["partial-refused", 3, 4, 8 * 60],
  ["partial-refused", 19, 20, 24 * 60],
  ["partial-refused", 20, 20, 24 * 60],
  // indexd's own counter can be above our maximum.
  ["partial-refused", 60, 20, 24 * 60],
  ["too-few-sources", 1, 2, 2 * 60],
  ["no-candidates", 3, 3, 60],
  ["underfunded", 3, 3, 2],
  ["interrupted", 3, 3, 2],
  ["fault", 3, 3, 2],
])(
  "%s after %i failures: the counter is %i, the next attempt in %i minutes",
  async (kind, before, after, minutes) => {
    const slab = await slabWithLoss(before);
    expect(await end(slab, kind)).toMatchObject({ kind: "committed", outcome: kind, recorded: [] });
    // `ours`: the rows in `slabs` and `slabmend.repairs` have the same time, so indexd's grace does not apply.
    expect(await slabRow(slab)).toEqual({ failures: after, minutes, ours: true });
    expect(await sql`select 1 from slabmend.leases where slab_id = ${String(slab.id)}`).toHaveLength(0);
    expect(await sql`select 1 from slabmend.moved where slab_id = ${String(slab.id)}`).toHaveLength(0);
  },
);

test("a repair's backoff starts anew after drains, and a drain's backoff after repairs", async () => {
  const slab = await slabWithLoss();
  const endAs = async (kind: "drain" | "repair") =>
    commitRepair(
      sql,
      requestOf(slab, await leaseByHand(sql, slab), { kind, outcome: { kind: "no-candidates" } }),
    );
  const minutes: number[] = [];
  for (const kind of ["drain", "drain", "drain", "repair", "repair", "drain"] as const) {
    await endAs(kind);
    minutes.push((await slabRow(slab)).minutes);
  }
  expect(minutes).toEqual([2, 4, 8, 60, 120, 2]);
});

test("after a repair in which a source denied its sector, the next attempt follows at once", async () => {
  const slab = await slabWithLoss(3);
  const token = await leaseByHand(sql, slab);
  const source = slab.sectors[1]!;
  const result = await commitRepair(
    sql,
    requestOf(slab, token, {
      outcome: { kind: "repaired" },
      moves: await movesFromHere(sql, slab, [[0, hosts[5]!]]),
      denied: [
        {
          root: source.root,
          sectorId: source.id,
          hostId: hosts[0]!.id,
          code: "not-found",
          whole: false,
          othersServed: false,
        },
      ],
    }),
  );
  expect(result).toMatchObject({
    outcome: "partial-dropped",
    recorded: [0],
    denialsRecorded: 1,
    lostRecorded: 0,
    slabFinished: false,
  });
  expect(await slabRow(slab)).toEqual({ failures: 3, minutes: 0, ours: true });
});

test("if a slab's only unhealthy shard cannot be repaired, the wait doubles with each attempt", async () => {
  const slab = await slabWithLoss(3);
  const badShards = [{ index: 0, root: slab.sectors[0]!.root }];
  const minutes: number[] = [];
  for (const known of [badShards, [], []]) {
    const token = await leaseByHand(sql, slab);
    const outcome = { kind: "healthy" } as const;
    const result = await commitRepair(sql, requestOf(slab, token, { outcome, badShards: known }));
    expect(result).toMatchObject({ outcome: "healthy", slabFinished: false });
    minutes.push((await slabRow(slab)).minutes);
  }
  expect(minutes).toEqual([60, 120, 240]);
});

test("slabmend's backoff doubles while the outcome stays the same, and starts again with another outcome", async () => {
  const slab = await slabWithLoss();
  const minutes: number[] = [];
  for (const kind of [
    "underfunded",
    "underfunded",
    "underfunded",
    "fault",
    "fault",
    "healthy",
    "fault",
  ] as const) {
    await end(slab, kind);
    minutes.push((await slabRow(slab)).minutes);
  }
  expect(minutes).toEqual([2, 4, 8, 2, 4, 17, 2]);
});

test("our backoff has a maximum", async () => {
  const slab = await slabWithLoss();
  await end(slab, "no-candidates");
  await sql`update slabmend.repairs set setbacks = 900 where slab_id = ${String(slab.id)}`;
  await end(slab, "no-candidates");
  expect((await slabRow(slab)).minutes).toBe(24 * 60);
});

test("a finished repair resets the count of crashes", async () => {
  const slab = await slabWithLoss();
  await end(slab, "fault");
  await sql`
    update slabmend.repairs set crashes = 3, quarantined_until = now() - interval '1 hour', quarantine_reason = 'crashes'
    where slab_id = ${String(slab.id)}`;
  await end(slab, "fault");
  const [row] = await sql`
    select crashes, quarantined_until, quarantine_reason from slabmend.repairs where slab_id = ${String(slab.id)}`;
  expect(row).toEqual({ crashes: 0, quarantined_until: null, quarantine_reason: null });
});

test("data at risk and wrongly pinned shards are recorded with objects, and the records stay after later repairs", async () => {
  const slab = await slabWithLoss();
  const accountId = await seedAccount(sql);
  const object = await seedObject(sql, { accountId, slabs: [slab] });
  await end(slab, "too-few-sources");
  const read = async () =>
    (
      await sql`
      select objects, object_count, bad_shards, last_outcome from slabmend.repairs where slab_id = ${String(slab.id)}`
    )[0];
  const objects = [object.objectKey.toString("hex")];
  expect(await read()).toEqual({ objects, object_count: 1, bad_shards: [], last_outcome: "too-few-sources" });

  const bad = (index: number) => ({ index, root: slab.sectors[index]!.root });
  for (const badShards of [[bad(1)], [bad(2), bad(1)], []]) {
    const token = await leaseByHand(sql, slab);
    const moves = badShards.length === 2 ? await movesFromHere(sql, slab, [[0, hosts[4]!]]) : [];
    await commitRepair(sql, requestOf(slab, token, { badShards, moves }));
  }
  expect(await read()).toEqual({
    objects,
    object_count: 1,
    bad_shards: [bad(1), bad(2)],
    last_outcome: "repaired",
  });
});
