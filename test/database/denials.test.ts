/** Rule 6 of docs/architecture.md in the database: a denial is not a loss. */
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { drawOtherSectors } from "../../lib/database/denials/draw-other-sectors.ts";
import { forgetDenials } from "../../lib/database/denials/forget-denials.ts";
import { readSlab } from "../../lib/database/indexd/read-slab.ts";
import {
  type CommitRequest,
  type CommitResult,
  commitRepair,
  type DenialReport,
} from "../../lib/database/leases/commit-repair.ts";
import { type DenialShare, isSuspected, manyHostsDeny } from "../../lib/placement/judge-denials.ts";
import { useDatabase } from "../support/database.ts";
import { placeOn, type SeededHost, type SeededSlab, seedNetwork, seedSlab } from "../support/seed-indexd.ts";
import { statisticsThatDisagree } from "../support/seed-statistics.ts";
import { rolledBack } from "./indexd/rolled-back.ts";
import { indexdState, leaseByHand, movesFromHere, requestOf } from "./running-lease.ts";

const { sql } = useDatabase();
let hosts: SeededHost[];
beforeEach(async () => {
  await sql`truncate slabmend.denials, slabmend.host_scores`;
  hosts = await seedNetwork(sql, { hosts: 8 });
});

const denial = (slab: SeededSlab, index: number, rest: Partial<DenialReport> = {}): DenialReport => {
  const { id: sectorId, root } = slab.sectors[index]!;
  return {
    sectorId,
    root,
    hostId: hosts[index]!.id,
    code: "not-found",
    whole: true,
    othersServed: false,
    ...rest,
  };
};

async function commit(slab: SeededSlab, rest: Partial<CommitRequest>) {
  const token = await leaseByHand(sql, slab);
  const outcome = { kind: "too-few-sources" } as const;
  const result: CommitResult = await commitRepair(sql, requestOf(slab, token, { outcome, ...rest }));
  if (result.kind !== "committed") throw new Error(`expected a commit, got ${JSON.stringify(result)}`);
  return result;
}

const denialsOf = async (slab: SeededSlab): Promise<number[]> =>
  (await readSlab(sql, slab.id))!.sectors.map(({ denials }) => denials);
const storeSlab = (): Promise<SeededSlab> =>
  seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 3)) });
const age = (hours: number) => sql`
  update slabmend.denials set first_denied_at = first_denied_at - make_interval(hours => ${hours}),
    counted_at = counted_at - make_interval(hours => ${hours}),
    last_denied_at = last_denied_at - make_interval(hours => ${hours}), whole_denied_at = whole_denied_at - make_interval(hours => ${hours})`;

async function countedLost(): Promise<number> {
  const [row] = await sql<{ sum: number }[]>`
    select coalesce(sum(stat_delta), 0)::integer as sum from stats_deltas where stat_name = 'num_sectors_lost'`;
  return row!.sum;
}

test("a denial changes no row of indexd, makes the sector move, and is removed when the host serves the whole sector", async () => {
  const slab = await storeSlab();
  const reasons = () =>
    sql`select slab_index, reason from slabmend.sectors_to_move(array[${String(slab.id)}]::bigint[])`;
  const before = await sectorsAndHosts();
  expect(await commit(slab, { denied: [denial(slab, 0)] })).toMatchObject({
    denialsRecorded: 1,
    lostRecorded: 0,
    slabFinished: false,
  });
  expect(await sectorsAndHosts()).toEqual(before);
  expect(await reasons()).toEqual([{ slab_index: 0, reason: "denied" }]);
  const { sectorId, hostId } = denial(slab, 0);
  const served = [{ sectorId, hostId }];
  expect(await commit(slab, { outcome: { kind: "healthy" }, served })).toMatchObject({ slabFinished: true });
  expect(await reasons()).toEqual([]);
  expect(await sectorsAndHosts()).toEqual(before);
});

test("a full read does not clear a denial that another repair recorded since this repair began", async () => {
  const slab = await storeSlab();
  const other = await seedSlab(sql, {
    minShards: 1,
    sectors: [
      { ...placeOn(hosts.slice(0, 1))[0]!, root: slab.sectors[0]!.root },
      ...placeOn(hosts.slice(3, 5)),
    ],
  });
  await commit(slab, { denied: [denial(slab, 0)] });
  // The host serves the whole sector to this repair; then it denies the sector to a repair of another slab, which ends
  // first.
  const token = await leaseByHand(sql, slab);
  await commit(other, { denied: [denial(slab, 0)] });
  const { sectorId, hostId } = denial(slab, 0);
  const outcome = { kind: "healthy" } as const;
  await commitRepair(sql, requestOf(slab, token, { outcome, served: [{ sectorId, hostId }] }));
  expect(await denialsOf(slab)).toEqual([1, 0, 0]);
});

test("after the clock was set back, a full read clears a denial whose time now lies in the future", async () => {
  const slab = await storeSlab();
  await commit(slab, { denied: [denial(slab, 0)] });
  await sql`update slabmend.denials set last_denied_at = clock_timestamp() + interval '1 day'`;
  const { sectorId, hostId } = denial(slab, 0);
  await commit(slab, { served: [{ sectorId, hostId }] });
  expect(await denialsOf(slab)).toEqual([0, 0, 0]);
});

async function sectorsAndHosts(): Promise<unknown> {
  const { sectors, hosts: counters, deltas } = (await indexdState(sql)) as Record<string, unknown>;
  return { sectors, counters, deltas };
}

describe("how denials count", () => {
  test("at most one denial an hour is counted; once three are counted, serving the sector removes none of them", async () => {
    const slab = await storeSlab();
    const { sectorId, hostId } = denial(slab, 0);
    const seen: number[] = [];
    for (const hours of [0, 0, 1, 0, 1]) {
      await age(hours);
      await commit(slab, { denied: [denial(slab, 0, { whole: false })] });
      seen.push((await denialsOf(slab))[0]!);
    }
    expect(seen).toEqual([1, 1, 2, 2, 3]);
    await commit(slab, { served: [{ sectorId, hostId }] });
    expect(await denialsOf(slab)).toEqual([3, 0, 0]);
  });

  test("earlier denials of a sector are ignored after the sector has been uploaded to the host again", async () => {
    const slab = await storeSlab();
    await commit(slab, { denied: [denial(slab, 0)] });
    await age(7);
    await commit(slab, { denied: [denial(slab, 0, { whole: false })] });
    expect(await denialsOf(slab)).toEqual([2, 0, 0]);
    await sql`update sectors set uploaded_at = clock_timestamp() where id = ${String(slab.sectors[0]!.id)}`;
    expect(await denialsOf(slab)).toEqual([0, 0, 0]);
    expect(await commit(slab, { denied: [denial(slab, 0)] })).toMatchObject({ lostRecorded: 0 });
    expect(await denialsOf(slab)).toEqual([1, 0, 0]);
  });
});

describe("whether two denials of a sector are recorded as a loss, without a move", () => {
  test.each([
    // [what the first denial was about, hours between the denials, what the second was about, expected losses]
    ["whole", 6, "whole", 1],
    ["whole", 5, "whole", 0],
    ["range", 7, "whole", 0],
    ["whole", 7, "range", 0],
  ] as const)("denied: a %s, %i h later a %s; losses: %i", async (first, hours, second, lostRecorded) => {
    const slab = await storeSlab();
    await commit(slab, { denied: [denial(slab, 0, { whole: first === "whole" })] });
    await age(hours);
    const again = denial(slab, 0, { whole: second === "whole" });
    expect(await commit(slab, { denied: [again] })).toMatchObject({ denialsRecorded: 1, lostRecorded });
    expect(await statisticsThatDisagree(sql)).toEqual([]);
    const sector = (await readSlab(sql, slab.id))!.sectors[0]!;
    const location = { hostId: sector.hostId, earlier: sector.earlierHostIds };
    const id = hosts[0]!.id;
    expect(location).toEqual(
      lostRecorded === 1 ? { hostId: null, earlier: [id] } : { hostId: id, earlier: [] },
    );
  });

  test("if a suspected host denies four sectors twice, six hours apart, two of them are recorded as lost", async () => {
    const slabs = await Promise.all(
      Array.from({ length: 4 }, () => seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 3)) })),
    );
    for (const slab of slabs) await commit(slab, { denied: [denial(slab, 0)] });
    await age(6);
    const lost: number[] = [];
    for (const slab of slabs) lost.push((await commit(slab, { denied: [denial(slab, 0)] })).lostRecorded);
    expect(lost).toEqual([0, 0, 1, 1]);
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });
});

describe("a denied sector that moves", () => {
  test.each([
    // `before`: earlier denials; `now`: whether this commit reports another one; `othersServed`: whether the host
    // served other sectors; `lost`: expected losses.
    { before: 0, now: true, othersServed: true, lost: 1 },
    { before: 0, now: true, othersServed: false, lost: 0 },
    { before: 1, now: false, othersServed: false, lost: 0 },
    { before: 1, now: true, othersServed: true, lost: 1 },
    { before: 1, now: true, othersServed: false, lost: 0 },
    { before: 2, now: true, othersServed: false, lost: 1 },
    { before: 3, now: false, othersServed: false, lost: 1 },
  ])(
    "after $before denials hours apart, denied again: $now, others served: $othersServed: $lost lost",
    async ({ before, now, othersServed, lost }) => {
      const slab = await storeSlab();
      const countedBefore = await countedLost();
      for (let n = 0; n < before; n += 1) {
        // The host denies only a range: two denials of the whole sector 6 h apart would prove a loss even without a
        // move.
        await commit(slab, { denied: [denial(slab, 0, { whole: false })] });
        await age(1);
      }
      const moves = await movesFromHere(sql, slab, [[0, hosts[6]!]]);
      const denied = now ? [denial(slab, 0, { whole: false, othersServed })] : [];
      expect(await commit(slab, { moves, denied, outcome: { kind: "repaired" } })).toMatchObject({
        outcome: "repaired",
        recorded: [0],
        lostRecorded: lost,
        slabFinished: true,
      });
      expect(await sql`select lost_sectors from hosts where id = ${hosts[0]!.id}`).toEqual([
        { lost_sectors: lost },
      ]);
      expect((await countedLost()) - countedBefore).toBe(lost);
      expect(await statisticsThatDisagree(sql)).toEqual([]);
      expect((await readSlab(sql, slab.id))!.sectors[0]).toMatchObject({ earlierHostIds: [hosts[0]!.id] });
    },
  );
});

test("a moved sector that a suspected host denied is not recorded as lost; the host becomes an earlier location", async () => {
  const slabs = await Promise.all([storeSlab(), storeSlab(), storeSlab()]);
  for (const slab of slabs) await commit(slab, { denied: [denial(slab, 0)] });
  const moves = await movesFromHere(sql, slabs[0], [[0, hosts[6]!]]);
  expect(await commit(slabs[0], { moves, outcome: { kind: "repaired" } })).toMatchObject({
    outcome: "repaired",
    recorded: [0],
    lostRecorded: 0,
    slabFinished: true,
  });
  expect(await sql`select lost_sectors from hosts where id = ${hosts[0]!.id}`).toEqual([{ lost_sectors: 0 }]);
  expect(await statisticsThatDisagree(sql)).toEqual([]);
  expect((await readSlab(sql, slabs[0].id))!.sectors[0]).toMatchObject({ earlierHostIds: [hosts[0]!.id] });
});

test("the control sample of a host has sectors that it should have, but none that it denied", async () => {
  const slabs = await Promise.all(Array.from({ length: 6 }, storeSlab));
  const [host, other] = hosts as [SeededHost, SeededHost];
  await commit(slabs[0]!, { denied: [denial(slabs[0]!, 0)] });
  await sql`
    update sectors set uploaded_at = now() where host_id = ${host.id} and id <> all (${slabs.slice(0, 3).map(({ sectors }) => String(sectors[0]!.id))}::bigint[])`;
  const good = slabs.slice(1, 3).map(({ sectors }) => sectors[0]!.root);
  const ofOther = new Set<string>();
  for (let n = 0; n < 40; n += 1) {
    const drawn = await drawOtherSectors(sql, [host.id, other.id, hosts[7]!.id]);
    expect([...drawn.keys()].toSorted()).toEqual([host.id, other.id]);
    expect(drawn.get(host.id)!.toSorted()).toEqual(good.toSorted());
    expect(new Set(drawn.get(other.id)).size).toBe(3);
    for (const root of drawn.get(other.id)!) ofOther.add(root);
  }
  expect(ofOther.size).toBeGreaterThan(3);
});

test("a commit locks the old host of a pinned sector that an earlier commit recorded as denied", async () => {
  const slab = await storeSlab();
  await commit(slab, { denied: [denial(slab, 0)] });
  const moves = JSON.stringify(
    await movesFromHere(sql, slab, [
      [0, hosts[6]!],
      [1, hosts[7]!],
    ]),
    (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
  );
  await sql.begin(async (tx) => {
    await tx`select slabmend.lock_for_commit(${String(slab.id)}::bigint, ${moves}::text::jsonb, '[]')`;
    const free = await sql<{ id: number }[]>`select id from hosts for no key update skip locked`;
    const locked = hosts.map(({ id }) => id).filter((id) => !free.some((host) => host.id === id));
    expect(locked).toEqual([hosts[0]!.id, hosts[6]!.id, hosts[7]!.id]);
  });
});

test("denials and earlier locations of deleted sectors are removed, others stay", async () => {
  const slabs = await Promise.all([storeSlab(), storeSlab(), storeSlab()]);
  for (const slab of slabs) await commit(slab, { denied: [denial(slab, 0), denial(slab, 1)] });
  await sql`delete from slab_sectors where sector_id = ${String(slabs[1].sectors[0]!.id)}`;
  await sql`delete from sectors where id = ${String(slabs[1].sectors[0]!.id)}`;
  const forgotten: number[] = [];
  for (let n = 0; n < 4; n += 1) forgotten.push(await forgetDenials(sql, { limit: 2 }));
  expect(forgotten.reduce((sum, n) => sum + n, 0)).toBe(1);
  expect(await sql`select 1 from slabmend.denials`).toHaveLength(5);
});

describe("whether denials by many hosts are believed, or taken for a fault of our own", () => {
  const serve = (host: SeededHost, successes: number) => sql`
    insert into slabmend.host_scores (host_key, successes, faded_at)
    values (${Buffer.from(host.hostKey, "hex")}, ${successes}, clock_timestamp())`;

  test.each([
    // [number of denying hosts, requests that each of the 8 hosts served, whether the denials are believed]
    [5, 10, true],
    [6, 4, false],
    [4, 4, true],
  ])("%i of 8 hosts deny; each host served %i requests: believed %s", async (denying, served, believed) => {
    for (const host of hosts) await serve(host, served);
    const slab = await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts) });
    const denied = Array.from({ length: denying }, (_, index) => denial(slab, index));
    const result = await commit(slab, { denied });
    expect(result).toMatchObject({
      denialsRecorded: believed ? denying : 0,
      denialsIgnored: !believed,
      outcome: believed ? "too-few-sources" : "fault",
    });
    const [history] = await sql`select last_error from slabmend.repairs where slab_id = ${String(slab.id)}`;
    expect(history).toEqual({ last_error: believed ? null : "denied-by-many-hosts" });
    expect(
      await sql`select consecutive_failed_repairs as failed from slabs where id = ${String(slab.id)}`,
    ).toEqual([{ failed: believed ? 1 : 0 }]);
  });
});

test("SQL and TypeScript suspect the same hosts, and agree on mass denials", async () => {
  const row = fc.record({
    /**
     * `lastHours`: hours since the last denial, from less than ten minutes to more than a day. `spanHours`: hours
     * between the first denial and the last.
     */
    lastHours: fc.constantFrom(0, 0.1, 0.2, 3, 23, 25),
    spanHours: fc.constantFrom(0, 5, 6, 30),
    state: fc.constantFrom("open", "lost"),
  });
  const host = fc.record({
    rows: fc.array(row, { maxLength: 6 }),
    served: fc.constantFrom(undefined, 0, 3, 8, 9, 10, 26, 27, 28, 45, 200),
    halfLives: fc.constantFrom(0, 1, 400),
  });
  const seen = { suspected: 0, many: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(host, { minLength: 8, maxLength: 8 }), async (states) => {
      await rolledBack(sql, async (tx) => {
        let sector = 0;
        for (const [n, { rows, served, halfLives }] of states.entries()) {
          for (const { lastHours, spanHours, state } of rows) {
            sector += 1;
            await tx`
              insert into slabmend.denials (sector_id, host_id, root, uploaded_at, code, denials, first_denied_at, counted_at,
                last_denied_at, state)
              select ${sector}, ${hosts[n]!.id}, sha256('x'), now(), 'corrupt', 1, t.last - make_interval(mins => ${spanHours * 60}::integer),
                t.last, t.last, ${state}
              from (select now() - make_interval(mins => ${lastHours * 60}::integer) as last) t`;
          }
          if (served !== undefined) {
            await tx`
              insert into slabmend.host_scores (host_key, successes, faded_at)
              values (${Buffer.from(hosts[n]!.hostKey, "hex")}, ${served},
                clock_timestamp() - make_interval(mins => ${halfLives * 30}::integer))`;
          }
        }
        const shares = states.map(({ rows, served, halfLives }): DenialShare => {
          const lately = rows.filter(({ lastHours }) => lastHours < 24);
          return {
            denied: lately.length,
            deniedAgain: lately.filter(({ spanHours }) => spanHours >= 6).length,
            deniedLately: rows.filter(({ lastHours }) => lastHours * 60 < 10).length,
            // Slightly less than the faded count of served requests, because this count still fades while the test
            // runs.
            served: (served ?? 0) * 0.5 ** Math.min(halfLives, 100) * (1 - 1e-9),
          };
        });
        const suspected = await tx<{ host_id: number }[]>`select host_id from slabmend.suspected_hosts(null)`;
        const expected = hosts.filter((_, n) => isSuspected(shares[n]!)).map(({ id }) => Number(id));
        expect(suspected.map(({ host_id }) => host_id).toSorted((a, b) => a - b)).toEqual(expected);
        const denying = shares.filter(({ deniedLately }) => deniedLately > 0);
        const heard = states.filter(
          ({ served = 0, halfLives }, n) => shares[n]!.deniedLately > 0 || (served > 0 && halfLives === 0),
        );
        const [{ many }] = await tx<[{ many: boolean }]>`
          select slabmend.many_hosts_deny(array[]::integer[]) as many`;
        expect(many).toBe(manyHostsDeny(denying, heard.length));
        seen.suspected += expected.length;
        seen.many += many ? 1 : 0;
      });
    }),
    { numRuns: 60 },
  );
  expect(seen.suspected).toBeGreaterThan(0);
  expect(seen.many).toBeGreaterThan(0);
});
