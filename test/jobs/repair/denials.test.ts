/** Rule 6 of docs/architecture.md with real hosts: a denied sector is not yet lost. */
import { describe, expect, test } from "vitest";
import { repairSuite } from "../../support/repair-suite.ts";
import type { StoredSlab, WorldHost } from "../../support/repair-world.ts";

const suite = repairSuite({ hosts: 12 });

const forget = (host: WorldHost) => host.swarm.setSwitches({ losesSectors: "all" });
const remember = (host: WorldHost) => host.swarm.setSwitches({ losesSectors: "none" });
const lostSectors = async (host: WorldHost): Promise<number> => {
  const { sql } = suite.world.database;
  const [row] = await sql<
    { lost: number }[]
  >`select lost_sectors as lost from hosts where id = ${host.row.id}`;
  return row!.lost;
};
const denialsOf = (slab: StoredSlab) => suite.world.database.sql<{ denials: number; state: string }[]>`
  select d.denials, d.state from slabmend.denials d join slab_sectors ss using (sector_id)
  where ss.slab_id = ${String(slab.id)} order by ss.slab_index, d.host_id`;
/** Simulates a recent denial of the sector, so that its host is asked for the whole sector first. */
const noteDenial = (slab: StoredSlab, index: number) => suite.world.database.sql`
  insert into slabmend.denials (sector_id, host_id, root, map_id, uploaded_at, code, denials, first_denied_at, counted_at,
    last_denied_at, state)
  select id, host_id, sector_root, contract_sectors_map_id, uploaded_at, 'not-found', 1, now(), now(), now(), 'open'
  from sectors where id = ${String(slab.sectors[index]!.id)}`;
const age = (hours: number) => suite.world.database.sql`
  update slabmend.denials set first_denied_at = first_denied_at - make_interval(hours => ${hours}),
    counted_at = counted_at - make_interval(hours => ${hours}), last_denied_at = last_denied_at - make_interval(hours => ${hours}),
    whole_denied_at = whole_denied_at - make_interval(hours => ${hours})`;

/** Returns a function that tells how many of the host's sectors were counted as lost after countLost was called. */
async function countLost(host: WorldHost): Promise<() => Promise<number>> {
  const before = await lostSectors(host);
  return async () => (await lostSectors(host)) - before;
}

/** Stores a 1-of-2 slab whose first sector is lost, so that the slab depends on the host of its second sector. */
async function storeAtRisk(on: readonly WorldHost[]): Promise<StoredSlab> {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 2, on });
  await suite.world.loseSector(slab, 0);
  return slab;
}

test("sectors that a host denies for a while and then serves stay there, and none is counted as lost", async () => {
  const [other, only] = suite.world.hosts as [WorldHost, WorldHost];
  const lost = await countLost(only);
  const slabs: StoredSlab[] = [];
  for (let n = 0; n < 4; n += 1) slabs.push(await storeAtRisk([other, only]));
  await forget(only);
  for (const slab of slabs) {
    expect(await suite.repair(slab)).toMatchObject({ kind: "too-few-sources", denied: 1, lost: 0 });
    expect((await suite.world.locations(slab))[1]).toBe(only);
  }
  await remember(only);
  for (const slab of slabs) {
    // The host is asked for the whole denied sector and sends it, so this sector stays there. The lost sector is
    // rebuilt from the sector that the host sent.
    expect(await suite.repair(slab)).toMatchObject({
      kind: "repaired",
      copied: 0,
      rebuilt: 1,
      denied: 0,
      lost: 0,
    });
    expect((await suite.world.locations(slab))[1]).toBe(only);
    expect(await denialsOf(slab)).toEqual([]);
    expect(await suite.world.wrongSectors(slab)).toEqual([]);
  }
  expect(await lost()).toBe(0);
});

test("a denied sector that its host serves again is read once and stays on the host, even without candidates", async () => {
  const { world } = suite;
  const slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  const host = slab.hosts[1]!;
  const { root } = slab.sectors[1]!;
  await noteDenial(slab, 1);
  await suite.onlyCandidates([]);
  await forget(host);
  expect(await suite.repair(slab)).toMatchObject({ kind: "no-candidates", denied: 1 });
  await remember(host);
  const before = await suite.traffic();
  expect(await suite.repair(slab)).toMatchObject({ kind: "healthy", copied: 0, rebuilt: 0, denied: 0 });
  const after = await suite.traffic();
  expect(after.bytesRead - before.bytesRead).toBe((await host.swarm.readSectorFile(root)).length);
  expect(after.bytesWritten).toBe(before.bytesWritten);
  expect(await denialsOf(slab)).toEqual([]);
});

describe("whether a sector counts as lost if one repair notes its denial and moves it", () => {
  test.each([
    {
      says: "yes if its host lost only this sector",
      others: "served",
      again: "denied",
      counted: 1,
    },
    { says: "no if its host denies all sectors", others: "denied", again: "denied", counted: 0 },
    {
      says: "no if its host denied all sectors, but serves them again by now",
      others: "served",
      again: "served",
      counted: 0,
    },
  ] as const)("$says", async ({ others, again, counted }) => {
    const { world } = suite;
    const on = world.hosts.slice(8, 11);
    const host = on[1]!;
    // The host also gets sectors of other slabs. From these sectors the repair can tell whether the host lost only the
    // denied sector.
    for (let n = 0; n < 3; n += 1) await world.storeSlab({ minShards: 1, totalShards: 3, on });
    const slab = await world.storeSlab({ minShards: 1, totalShards: 3, on });
    const lost = await countLost(host);
    await noteDenial(slab, 1);
    if (others === "served" && again === "denied") await host.swarm.dropSector(slab.sectors[1]!.root);
    else await forget(host);
    const result = await suite.repair(slab, {
      async at(step) {
        if (step === "stored-one" && again === "served") await remember(host);
      },
    });
    expect(result).toMatchObject({ kind: "repaired", copied: 0, rebuilt: 1, denied: 1, lost: counted });
    expect((await world.locations(slab))[1]).not.toBe(host);
    expect(await lost()).toBe(counted);
    await remember(host);
    expect(await world.wrongSectors(slab)).toEqual([]);
  });
});

test("a lost sector is read at its earlier location if there are no other sources", async () => {
  const [other, only] = suite.world.hosts as [WorldHost, WorldHost];
  const lost = await countLost(only);
  const slab = await storeAtRisk([other, only]);
  await forget(only);
  await suite.repair(slab);
  // The second repair asks the host for the whole sector, because the denial by this host is open. The third repair
  // does so six hours later.
  await suite.repair(slab);
  await age(6);
  expect(await suite.repair(slab)).toMatchObject({ kind: "too-few-sources", lost: 1 });
  expect(await suite.world.locations(slab)).toEqual([undefined, undefined]);
  expect(await lost()).toBe(1);
  await remember(only);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 2 });
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
});

test("simultaneous denials of all hosts are believed only after hours", async () => {
  const slab = await suite.world.storeSlab({ minShards: 3, totalShards: 8 });
  await suite.world.loseSector(slab, 0);
  for (const host of slab.hosts.slice(1)) await forget(host);
  expect(await suite.repair(slab)).toMatchObject({
    kind: "fault",
    ourFault: "denied-by-many-hosts",
    denied: 0,
    lost: 0,
  });
  expect((await suite.journal(slab))[0]!.error).toMatch(/^denied-by-many-hosts: \d sector-not-found$/);
  expect(await suite.history(slab)).toMatchObject({ failed: 0, objects: 0 });
  expect(await denialsOf(slab)).toEqual([]);
  await suite.world.database.sql`update slabmend.repairs set setbacks = 8 where slab_id = ${String(slab.id)}`;
  expect(await suite.repair(slab)).toMatchObject({ kind: "too-few-sources", lost: 0 });
  expect(await suite.history(slab)).toMatchObject({ failed: 1, objects: 1 });
  expect((await denialsOf(slab)).length).toBeGreaterThanOrEqual(3);
  for (const host of slab.hosts.slice(1)) await remember(host);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1, lost: 0 });
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
});

test("sectors of a host that lost its disk move when rebuilding is possible, but count as lost only hours later", async () => {
  const { world } = suite;
  const dead = world.hosts[1]!;
  const lost = await countLost(dead);
  await forget(dead);
  const slabs: StoredSlab[] = [];
  for (let n = 0; n < 6; n += 1) slabs.push(await world.storeSlab({ minShards: 2, totalShards: 3 }));
  for (const slab of slabs) await world.loseSector(slab, 0);
  // Each slab needs both of its remaining sectors, so the repair must ask the host that lost its disk. This host denies
  // the sector, so one source is missing.
  await world.database.sql`delete from slabmend.host_scores`;
  const first = await suite.repair(slabs[0]!);
  expect(first).toMatchObject({ kind: "too-few-sources", denied: 1 });
  expect(await lost()).toBe(0);
  const whole = await world.storeSlab({ minShards: 1, totalShards: 3 });
  await world.loseSector(whole, 0);
  await slabs[0]!.hosts[2]!.swarm.setSwitches({ failsInternally: true });
  expect(await suite.repair(whole)).toMatchObject({ denied: 1 });
  await slabs[0]!.hosts[2]!.swarm.setSwitches({ failsInternally: false });
  // The lost and the denied sector move in one repair. The denied sector is not counted as lost, because its host
  // lacks other sectors too.
  expect(await suite.repair(whole)).toMatchObject({ kind: "repaired", rebuilt: 2, lost: 0 });
  expect(await lost()).toBe(0);
  for (const slab of slabs.slice(1)) await suite.repair(slab);
  await age(6);
  for (const slab of slabs) await suite.repair(slab);
  await age(6);
  const again: number[] = [];
  for (const slab of slabs) {
    const result = await suite.repair(slab);
    again.push(result.kind === "stale" ? -1 : result.lost);
  }
  expect(again).toEqual(slabs.map(() => 1));
  expect(await lost()).toBe(slabs.length);
});

test("a sector denied three times, hourly, counts as lost and moves, even if its host serves it again", async () => {
  const [other, gamer] = suite.world.hosts as [WorldHost, WorldHost];
  const lost = await countLost(gamer);
  const slab = await storeAtRisk([other, gamer]);
  await forget(gamer);
  for (let n = 0; n < 3; n += 1) {
    await suite.repair(slab);
    await age(1);
  }
  expect(await denialsOf(slab)).toEqual([{ denials: 3, state: "open" }]);
  await remember(gamer);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 1, rebuilt: 1, lost: 1 });
  expect((await suite.world.locations(slab))[1]).not.toBe(gamer);
  expect(await denialsOf(slab)).toEqual([{ denials: 3, state: "lost" }]);
  expect(await lost()).toBe(1);
});
