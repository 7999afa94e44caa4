/** Hosts that send or acknowledge wrong data, and slabs with wrongly pinned shards. */
import { describe, expect, test } from "vitest";
import type { HostSwitches } from "../../../dev/swarm/host-switches.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import type { StoredSlab } from "../../support/repair-world.ts";
import { blockHost } from "../../support/seed-indexd.ts";

const suite = repairSuite({ hosts: 14 });
const CODE = { minShards: 3, totalShards: 6 } as const;

async function expectWhole(slab: StoredSlab): Promise<void> {
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
  expect(new Set(await suite.world.locations(slab)).size).toBe(slab.sectors.length);
}

/** Changes bytes all over chosen shards before they are pinned. */
const spoiled =
  (...indices: number[]) =>
  (index: number, data: Buffer): void => {
    if (!indices.includes(index)) return;
    for (let at = 0; at < data.length; at += 65_536) data[at] = ~data[at]!;
  };

/** Sources in the order of their sectors, so that the first sources are read. */
const inOrder = { random: () => 0.5 };

const lies: [string, Partial<HostSwitches>][] = [
  ["corrupts data", { corruptsData: true }],
  ["serves another sector", { servesOtherSector: true }],
];

describe.each(lies)("a host that %s", (_, switches) => {
  test("is detected when it is read for a rebuild, and other hosts are read instead", async () => {
    const slab = await suite.world.storeSlab(CODE);
    for (const index of [0, 1]) await suite.world.loseSector(slab, index);
    await slab.hosts[2]!.swarm.setSwitches(switches);
    expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 2, lost: 0 });
    await expectWhole(slab);
    expect((await suite.history(slab)).badShards).toEqual([]);
  });

  test("is detected when its sector is copied, and the shard is rebuilt instead", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await blockHost(suite.world.database.sql, slab.hosts[2]!.row.hostKey);
    await slab.hosts[2]!.swarm.setSwitches(switches);
    expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 0, rebuilt: 1, lost: 0 });
    await expectWhole(slab);
  });

  test("and cannot be replaced does not make a shard count as pinned wrongly", async () => {
    const slab = await suite.world.storeSlab(CODE);
    for (const index of [0, 1, 2]) await suite.world.loseSector(slab, index);
    await slab.hosts[3]!.swarm.setSwitches(switches);
    expect(await suite.repair(slab)).toMatchObject({ kind: "too-few-sources", rebuilt: 0, lost: 0 });
    expect((await suite.history(slab)).badShards).toEqual([]);
  });
});

test("if one sector of a 3-of-8 slab is lost and four hosts corrupt data, the other three hosts suffice", async () => {
  const slab = await suite.world.storeSlab({ minShards: 3, totalShards: 8 });
  await suite.world.loseSector(slab, 0);
  for (const index of [1, 2, 3, 4]) await slab.hosts[index]!.swarm.setSwitches({ corruptsData: true });
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
  await expectWhole(slab);
});

test("a wrong proof with correct data does no harm, because the rebuilt root is right", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  for (const { swarm } of slab.hosts) await swarm.setSwitches({ sendsWrongProofs: true });
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
  await expectWhole(slab);
});

test("a candidate that acknowledges another root is not recorded; the next candidate is recorded", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  const [liar, honest] = suite.spare(slab);
  await suite.onlyCandidates([liar!, honest!]);
  await liar!.swarm.setSwitches({ liesAboutRoots: true });
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
  expect((await suite.world.locations(slab))[0]).toBe(honest);
  await expectWhole(slab);
});

describe("a shard that was pinned wrongly", () => {
  test("is not uploaded after its rebuild, but the slab's other lost shard is rebuilt and uploaded", async () => {
    const slab = await suite.world.storeSlab({ ...CODE, spoil: spoiled(0) });
    for (const index of [0, 1]) await suite.world.loseSector(slab, index);
    expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
    expect(await suite.world.wrongSectors(slab)).toEqual([0]);
    expect(await suite.history(slab)).toMatchObject({ badShards: [0], objects: 1 });
  });

  test("is recognised if more sources agree than a rebuild needs", async () => {
    const slab = await suite.world.storeSlab({ ...CODE, spoil: spoiled(0) });
    await suite.world.loseSector(slab, 0);
    expect(await suite.repair(slab)).toMatchObject({ kind: "partial-refused", rebuilt: 0 });
    expect((await suite.history(slab)).badShards).toEqual([0]);
    expect((await suite.traffic()).bytesWritten).toBe(0);
  });

  test("is remembered: it is not rebuilt again", async () => {
    const slab = await suite.world.storeSlab({ ...CODE, spoil: spoiled(0) });
    await suite.world.loseSector(slab, 0);
    await suite.repair(slab);
    await suite.world.heal();
    expect(await suite.repair(slab)).toMatchObject({ kind: "healthy" });
    expect((await suite.traffic()).transfers).toBe(0);
    expect((await suite.history(slab)).badShards).toEqual([0]);
  });

  test("can still be copied, because it is what its owner pinned", async () => {
    const slab = await suite.world.storeSlab({ ...CODE, spoil: spoiled(0) });
    await blockHost(suite.world.database.sql, slab.hosts[0]!.row.hostKey);
    expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 1 });
    await expectWhole(slab);
  });

  test("is found among the sources, reported, and not used as a source later", async () => {
    const slab = await suite.world.storeSlab({ ...CODE, totalShards: 5, spoil: spoiled(1) });
    await suite.world.loseSector(slab, 0);
    expect(await suite.repair(slab, inOrder)).toMatchObject({ kind: "repaired", rebuilt: 1 });
    await expectWhole(slab);
    expect((await suite.history(slab)).badShards).toEqual([1]);
    await suite.world.heal();
    await suite.world.loseSector(slab, 2);
    expect(await suite.repair(slab, inOrder)).toMatchObject({ kind: "repaired", rebuilt: 1 });
    expect((await slab.hosts[1]!.swarm.counters()).bytesRead).toBe(0);
    await expectWhole(slab);
  });

  test("is found among the sources of a 1-of-4 slab, whose shards are all equal", async () => {
    const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 4, spoil: spoiled(1) });
    await suite.world.loseSector(slab, 0);
    expect(await suite.repair(slab, inOrder)).toMatchObject({ kind: "repaired", rebuilt: 1 });
    await expectWhole(slab);
    expect((await suite.history(slab)).badShards).toEqual([1]);
  });

  test("is reported, whether it is a source or a target of the rebuild", async () => {
    const slab = await suite.world.storeSlab({
      minShards: 2,
      totalShards: 6,
      spoil: spoiled(0, 1),
    });
    await suite.world.loseSector(slab, 0);
    // Sector 1 is spoiled too, and is on a blocked host. So the repair first copies this sector, and then tries it as a
    // source of the rebuild.
    await suite.world.loseSector(slab, 5);
    await blockHost(suite.world.database.sql, slab.hosts[1]!.row.hostKey);
    const result = await suite.repair(slab);
    expect(result).toMatchObject({ kind: "repaired", copied: 1, rebuilt: 1 });
    expect((await suite.history(slab)).badShards).toEqual([0, 1]);
    expect(await suite.world.wrongSectors(slab)).toEqual([0]);
  });

  test("is not recognised if there are only as many sources as a rebuild needs", async () => {
    const slab = await suite.world.storeSlab({ ...CODE, spoil: spoiled(3) });
    for (const index of [0, 1, 2]) await suite.world.loseSector(slab, index);
    expect(await suite.repair(slab)).toMatchObject({ kind: "partial-refused", rebuilt: 0 });
    expect((await suite.history(slab)).badShards).toEqual([]);
    const [entry] = await suite.journal(slab);
    expect(entry!.error).toBe("pinned-shards-disagree");
    expect((await suite.traffic()).bytesWritten).toBe(0);
  });
});
