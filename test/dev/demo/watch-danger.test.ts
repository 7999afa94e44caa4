import { describe, expect, it, test } from "vitest";
import {
  countLeasedBefore,
  createDangerWatch,
  type DangerReading,
  type FirstLease,
  readDanger,
  readFirstLeases,
} from "../../../dev/demo/watch-danger.ts";
import type { SlabId } from "../../../lib/slab/ids.ts";
import { useDatabase } from "../../support/database.ts";
import { blockHost, LOST, placeOn, seedNetwork, seedSlabs } from "../../support/seed-indexd.ts";

const id = (n: number): SlabId => BigInt(n) as SlabId;
/** A reading of slabs 1, 2, … with these margins; `moved`: the time when each slab was last moved. */
const reading = (nowMs: number, margins: number[], moved: (number | undefined)[] = []): DangerReading => ({
  nowMs,
  slabs: margins.map((margin, n) => ({ slabId: id(n + 1), margin, movedAtMs: moved[n] })),
});

describe("the time until no slab is within 2 sectors of loss", () => {
  it.each<[string, DangerReading[], number | undefined]>([
    ["none ever was", [reading(1_000, [3, 9]), reading(2_000, [3, 9])], undefined],
    ["one still is", [reading(1_000, [2, 1]), reading(2_000, [9, 2], [1_500])], undefined],
    [
      "the last one counts, by its commit",
      [
        reading(1_000, [2, 1]),
        reading(2_000, [9, 1], [1_500]),
        reading(3_000, [9, 9], [1_500, 2_600]),
        reading(4_000, [9, 9], [3_900, 2_600]),
      ],
      1_600,
    ],
    [
      "a slab without recorded moves ends at the reading",
      [reading(1_000, [2]), reading(2_000, [2]), reading(3_000, [3])],
      2_000,
    ],
    [
      "a partial repair before does not count",
      [reading(1_000, [0]), reading(2_000, [2], [1_900]), reading(3_000, [9], [1_900])],
      2_000,
    ],
    [
      "beyond rescue is within 2",
      [reading(1_000, [-1]), reading(2_000, [-1]), reading(3_000, [4], [2_500])],
      1_500,
    ],
    [
      "a slab that came close to loss later through a repair's findings",
      [reading(1_000, [5]), reading(2_000, [2]), reading(3_000, [5], [2_700])],
      1_700,
    ],
  ])("%s", (_, [first, ...others], ms) => {
    const watch = createDangerWatch(first!);
    for (const each of others) watch.see(each);
    expect(watch.msUntilNoneNear).toBe(ms);
  });
});

it.each<[string, number[], Record<number, number>, number]>([
  ["nothing was near", [], { 1: 10, 2: 20 }, 0],
  ["those first", [3], { 3: 10, 1: 20, 2: 20 }, 0],
  ["in one batch", [3], { 1: 10, 2: 10, 3: 10 }, 0],
  ["one other before the last of two", [3, 4], { 3: 10, 1: 20, 4: 30, 2: 40 }, 1],
  ["all others before", [3], { 1: 10, 2: 20, 3: 30 }, 2],
  ["one that was never leased", [3, 4], { 1: 20, 3: 10 }, 0],
])("others leased first: %s", (_, near, times, count) => {
  const leases = Object.entries(times).map(([n, leasedAtMs]): FirstLease => {
    return { slabId: id(Number(n)), leasedAtMs };
  });
  expect(countLeasedBefore(new Set(near.map(id)), leases)).toBe(count);
});

describe("by SQL", () => {
  const { sql } = useDatabase();

  test("SQL reads each slab's margin as claim counts it, its last move and its first lease", async () => {
    const hosts = await seedNetwork(sql, { hosts: 8 });
    await blockHost(sql, hosts[0]!.hostKey);
    await sql`update contracts set good = false where host_id = ${hosts[1]!.id}`;
    const slabs = await seedSlabs(sql, {
      minShards: 2,
      slabs: [
        { sectors: placeOn(hosts) },
        { sectors: [LOST, LOST, ...placeOn(hosts.slice(3))] },
        { sectors: [LOST, LOST] },
      ],
    });
    const ids = slabs.map((slab) => String(slab.id));
    await sql`
      insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt, bad_shards)
      select id, digest, 'partial-refused', now(), next_repair_attempt, '[{"index": 3, "root": "00"}]'
      from slabs where id = ${ids[1]!}`;
    const journal = (slab: string, at: number, moves: string) => sql`
      insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, moves, worker, leased_at, began_at, finished_at)
      values (gen_random_uuid(), ${slab}, '\\x', 'repaired', 'repaired', ${moves}::text::jsonb, 'w',
        to_timestamp(${at}), to_timestamp(${at}), to_timestamp(${at + 5}))`;
    await journal(ids[0]!, 100, '[{"index": 0}]');
    await journal(ids[0]!, 200, "[]");
    await sql`
      insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, expires_at, margin)
      select id, digest, to_timestamp(300), now(), now(), now(), 0 from slabs where id = any (${ids.slice(0, 2)}::bigint[])`;
    const { nowMs, slabs: margins } = await readDanger(sql);
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(60_000);
    expect(margins).toEqual([
      { slabId: slabs[0]!.id, margin: 5, movedAtMs: 105_000 },
      { slabId: slabs[1]!.id, margin: 2, movedAtMs: undefined },
      { slabId: slabs[2]!.id, margin: -2, movedAtMs: undefined },
    ]);
    const leases = await readFirstLeases(sql);
    expect(leases.toSorted((a, b) => a.leasedAtMs - b.leasedAtMs)).toEqual([
      { slabId: slabs[0]!.id, leasedAtMs: 100_000 },
      { slabId: slabs[1]!.id, leasedAtMs: 300_000 },
    ]);
  });
});
