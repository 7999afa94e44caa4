/**
 * How shards are obtained from hosts on loopback: copied if the shard's own host still answers, and otherwise rebuilt.
 */
import { expect, test } from "vitest";
import { readHostScores } from "../../../lib/database/fleet/host-scores.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import type { StoredSlab } from "../../support/repair-world.ts";
import { blockHost } from "../../support/seed-indexd.ts";
import { until } from "../../support/until.ts";

const suite = repairSuite({ hosts: 14 });
const CODE = { minShards: 3, totalShards: 6 } as const;

const block = (slab: StoredSlab, ...indices: number[]) =>
  Promise.all(indices.map((index) => blockHost(suite.world.database.sql, slab.hosts[index]!.row.hostKey)));
const stop = (slab: StoredSlab, ...indices: number[]) =>
  Promise.all(indices.map((index) => slab.hosts[index]!.swarm.setSwitches({ availability: "offline" })));

async function takenByHosts(): Promise<bigint> {
  const counters = await Promise.all(suite.world.hosts.map(({ swarm }) => swarm.counters()));
  return counters.reduce((sum, { hastingsCharged }) => sum + hastingsCharged, 0n);
}

async function hastingsOf(slab: StoredSlab): Promise<bigint> {
  const [row] = await suite.world.database.sql<{ hastings: string }[]>`
    select sum(hastings)::text as hastings from slabmend.journal where slab_id = ${String(slab.id)}`;
  return BigInt(row!.hastings);
}

/** Checks that every sector is on its recorded host, and that no two sectors are on one host. */
async function expectWhole(slab: StoredSlab): Promise<void> {
  const { world } = suite;
  expect(await world.wrongSectors(slab)).toEqual([]);
  expect(new Set(await world.locations(slab)).size).toBe(slab.sectors.length);
}

test("a healthy slab costs nothing", async () => {
  const slab = await suite.world.storeSlab(CODE);
  expect(await suite.repair(slab)).toMatchObject({ kind: "healthy", copied: 0, rebuilt: 0 });
  expect((await suite.traffic()).transfers).toBe(0);
});

test("lost sectors are rebuilt on new hosts, and the event of their object gets a new time", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 1);
  await suite.world.loseSector(slab, 5);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 2, copied: 0, dropped: 0 });
  await expectWhole(slab);
  expect((await suite.traffic()).bytesRead).toBeGreaterThanOrEqual(3 * SECTOR_BYTES);
  const [event] = await suite.world.database.sql<{ age: number }[]>`
    -- Without time: indexd publishes it.
    select coalesce(abs(extract(epoch from clock_timestamp() - updated_at)), 0)::float8 as age
    from object_events where object_key = ${slab.objectKey}`;
  expect(event!.age).toBeLessThan(60);
});

test("a sector on a blocked but serving host is copied, which reads 4 MiB; a rebuild reads 12 MiB", async () => {
  const slab = await suite.world.storeSlab({ ...CODE, on: suite.world.hosts.slice(8) });
  await block(slab, 2);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 1, rebuilt: 0 });
  await expectWhole(slab);
  expect((await suite.traffic()).bytesRead).toBe(SECTOR_BYTES);
});

test("a sector whose contract went bad is copied from its host to another host", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.database.sql`update contracts set good = false where host_id = ${slab.hosts[4]!.row.id}`;
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 1, rebuilt: 0 });
  await expectWhole(slab);
  expect(await suite.world.locations(slab)).not.toContain(slab.hosts[4]);
});

test("sectors of an unreachable blocked host are rebuilt", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await block(slab, 0);
  await stop(slab, 0);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 0, rebuilt: 1 });
  await expectWhole(slab);
});

test("if sources are offline, a rebuild reads other sources instead", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  await stop(slab, 1, 2);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
});

test("sectors that were read for a copy also serve as sources of a rebuild, and are not read twice", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await block(slab, 1, 2);
  await suite.world.loseSector(slab, 0);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 2, rebuilt: 1 });
  await expectWhole(slab);
  for (const index of [1, 2]) {
    expect((await slab.hosts[index]!.swarm.counters()).bytesRead).toBe(SECTOR_BYTES);
  }
});

test("copied sectors can be the only sources of a rebuild", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await block(slab, 1, 2, 3);
  await suite.world.loseSector(slab, 0);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 3, rebuilt: 1 });
  await expectWhole(slab);
  expect((await suite.traffic()).bytesRead).toBe(3 * SECTOR_BYTES);
});

test("sources on blocked hosts save a slab that indexd would consider unrecoverable", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 1, 2]) await suite.world.loseSector(slab, index);
  await block(slab, 3, 4);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 2, rebuilt: 3 });
  await expectWhole(slab);
});

test("an unusable host that is not blocked is a source", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 1, 2]) await suite.world.loseSector(slab, index);
  await suite.world.database
    .sql`update hosts set settings_accepting_contracts = false where id = ${slab.hosts[5]!.row.id}`;
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 3, copied: 1 });
  await expectWhole(slab);
});

test("a blocked host with high prices is not used for copying", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await block(slab, 2);
  await slab.hosts[2]!.swarm.setPrices({ egressPrice: 10n ** 17n });
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 0, rebuilt: 1 });
  await expectWhole(slab);
  expect((await slab.hosts[2]!.swarm.counters()).bytesRead).toBe(0);
});

test("a source with prices above indexd's limit is not read while other sources suffice", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  await slab.hosts[1]!.swarm.setPrices({ egressPrice: 10n ** 17n });
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
  await expectWhole(slab);
  expect((await slab.hosts[1]!.swarm.counters()).bytesRead).toBe(0);
});

test("a source with prices above indexd's limit is read if the other sources do not suffice", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 2, 4]) await suite.world.loseSector(slab, index);
  await slab.hosts[1]!.swarm.setPrices({ egressPrice: 10n ** 17n });
  const result = await suite.repair(slab);
  expect(result).toMatchObject({ kind: "repaired", rebuilt: 3 });
  expect((await slab.hosts[1]!.swarm.counters()).bytesRead).toBe(SECTOR_BYTES);
});

test("a blocked host with high prices is read at any price if nothing else gives the shard", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 1, 3]) await suite.world.loseSector(slab, index);
  await block(slab, 2);
  await slab.hosts[2]!.swarm.setPrices({ egressPrice: 10n ** 17n });
  await stop(slab, 5);
  // Even with the expensive host only two sources are left: too few for a rebuild, but the expensive host's own sector
  // can be copied.
  expect(await suite.repair(slab)).toMatchObject({ kind: "too-few-sources", copied: 1, rebuilt: 0 });
  expect((await suite.world.locations(slab))[2]).not.toBe(slab.hosts[2]);
});

test("a stalled blocked host does not delay the rebuild", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await block(slab, 1, 2);
  await slab.hosts[2]!.swarm.setSwitches({ stallsReadsAfterBytes: 1_000_000 });
  const result = await suite.repair(slab, { timesFaster: 5 });
  expect(result).toMatchObject({ kind: "repaired", copied: 1, rebuilt: 1 });
  await expectWhole(slab);
});

test("the journal's cost covers all charges of hosts, including cancelled reads and unused writes", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  // Hosts charge for cancelled reads, for reads of sectors that they find corrupt, and for writes that they refuse
  // because they are full.
  await slab.hosts[1]!.swarm.setSwitches({ stallsReadsAfterBytes: 500_000 });
  await slab.hosts[2]!.swarm.setSwitches({ findsSectorsCorrupt: "all" });
  for (const { swarm } of suite.spare(slab).slice(1)) await swarm.setSwitches({ full: true });
  const before = await takenByHosts();
  expect(await suite.repair(slab, { timesFaster: 5 })).toMatchObject({ kind: "repaired" });
  const taken = (await takenByHosts()) - before;
  const said = await hastingsOf(slab);
  expect(said).toBeGreaterThanOrEqual(taken);
  // The journal's cost exceeds the charges only by reads that were cancelled before the host had charged them.
  expect(said).toBeLessThan(2n * taken);
});

test("a slow copy is awaited if its shard cannot be rebuilt instead", async () => {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 1 });
  await block(slab, 0);
  // On the repair's fast clock the copy takes four seconds: longer than the repair's first round of copies waits (3 s),
  // but less than its time limit (10 s).
  await slab.hosts[0]!.swarm.setSwitches({ bytesPerSecond: SECTOR_BYTES / 2 });
  expect(await suite.repair(slab, { timesFaster: 2 })).toMatchObject({ kind: "repaired", copied: 1 });
});

test("the late result of a slow copy can enable a rebuild", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 1, 2]) await suite.world.loseSector(slab, index);
  await block(slab, 4);
  await slab.hosts[4]!.swarm.setSwitches({ bytesPerSecond: SECTOR_BYTES / 2 });
  const result = await suite.repair(slab, { timesFaster: 2 });
  expect(result).toMatchObject({ kind: "repaired", copied: 1, rebuilt: 3 });
  await expectWhole(slab);
});

test("a read whose connection was lost is retried once before the slab is given up", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 1, 2]) await suite.world.loseSector(slab, index);
  const host = slab.hosts[3]!.swarm;
  await host.setSwitches({ bytesPerSecond: SECTOR_BYTES });
  const breaksOff = (async () => {
    await until(async () => (await host.counters()).bytesRead > 0, Boolean, { everyMs: 1 });
    await host.restart();
    await host.setSwitches({ bytesPerSecond: null });
  })();
  const [result] = await Promise.all([suite.repair(slab), breaksOff]);
  expect(result).toMatchObject({ kind: "repaired", rebuilt: 3 });
});

test("a slab with too few sources raises an alarm with its objects, and waits for indexd's own backoff", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 1, 2]) await suite.world.loseSector(slab, index);
  await stop(slab, 3);
  expect(await suite.repair(slab)).toMatchObject({ kind: "too-few-sources", copied: 0, rebuilt: 0 });
  const history = await suite.history(slab);
  expect(history).toMatchObject({ failed: 1, objects: 1, outcome: "too-few-sources" });
  expect(history.waitsMs / 3_600_000).toBeCloseTo(1, 1);
});

test("if no host answers at all, the worker is at fault: no alarm, and no failure counted for the slab", async () => {
  const slab = await suite.world.storeSlab({ minShards: 3, totalShards: 6 });
  await suite.world.loseSector(slab, 0);
  for (const { swarm } of suite.world.hosts) await swarm.setSwitches({ availability: "offline" });
  expect(await suite.repair(slab)).toMatchObject({ kind: "fault", copied: 0, rebuilt: 0, lost: 0 });
  expect(await suite.journal(slab)).toMatchObject([
    // The repair needs three sources. The error also counts hosts that were asked in hedged reads, so it counts up to
    // five.
    { outcome: "fault", error: expect.stringMatching(/^no-host-answered: [3-5] unreachable$/) },
  ]);
  expect(await suite.history(slab)).toMatchObject({ failed: 0, objects: 0 });
});

test("if only a slab's hosts are offline, the slab has too few sources, and the worker is not at fault", async () => {
  const slab = await suite.world.storeSlab({ minShards: 3, totalShards: 8 });
  await suite.world.loseSector(slab, 0);
  await stop(slab, 1, 2, 3, 4, 5, 6, 7);
  expect(await suite.repair(slab)).toMatchObject({ kind: "too-few-sources", lost: 0 });
});

test("a sector lost by its host is recorded as lost and rebuilt", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await block(slab, 1);
  await slab.hosts[1]!.swarm.dropSector(slab.sectors[1]!.root);
  const result = await suite.repair(slab);
  expect(result).toMatchObject({ kind: "repaired", copied: 0, rebuilt: 1, lost: 1 });
  await expectWhole(slab);
  const [entry] = await suite.journal(slab);
  expect(entry!.lost).toEqual([{ root: slab.sectors[1]!.root, host: slab.hosts[1]!.row.hostKey }]);
});

test("a denial by a source is recorded, and the next repair moves the sector and counts it as lost", async () => {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 3 });
  await suite.world.loseSector(slab, 0);
  await slab.hosts[1]!.swarm.dropSector(slab.sectors[1]!.root);
  // No table knows that sector 1 is missing, and either source may be asked first. Host 2 fails, so host 1 is asked in
  // any case.
  await slab.hosts[2]!.swarm.setSwitches({ failsInternally: true });
  const first = await suite.repair(slab);
  expect(first).toMatchObject({ denied: 1, lost: 0, kind: "too-few-sources" });
  await slab.hosts[2]!.swarm.setSwitches({ failsInternally: false });
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 2, lost: 1 });
  await expectWhole(slab);
});

test("a host that lost one of two sectors is still asked for the other", async () => {
  const { world } = suite;
  const shared = world.hosts[0]!;
  const slab = await world.storeSlab({ minShards: 1, totalShards: 2, on: [shared, shared] });
  await block(slab, 0);
  await shared.swarm.dropSector(slab.sectors[0]!.root);
  const result = await suite.repair(slab);
  expect(result).toMatchObject({ kind: "repaired", lost: 1, copied: 1, rebuilt: 1 });
  await expectWhole(slab);
});

test("a host that acknowledged a sector without keeping it is detected when the sector is read", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  const [forgetful] = suite.spare(slab);
  await suite.onlyCandidates([forgetful!]);
  await forgetful!.swarm.setSwitches({ forgetsWrites: true });
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
  expect(await suite.world.wrongSectors(slab)).toEqual([0]);
  await suite.world.heal();
  await blockHost(suite.world.database.sql, forgetful!.row.hostKey);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1, lost: 1 });
  await expectWhole(slab);
});

test("a repair with too few sources for lack of funds ends as underfunded, and is no failure of the slab", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 1, 2]) await suite.world.loseSector(slab, index);
  await slab.hosts[3]!.swarm.setSwitches({ outOfFunds: true });
  expect(await suite.repair(slab)).toMatchObject({ kind: "underfunded", lost: 0 });
  const history = await suite.history(slab);
  expect(history).toMatchObject({ failed: 0, objects: 0 });
  expect(history.waitsMs / 60_000).toBeCloseTo(2, 0);
});

test("a repair fetches new prices from a host whose prices have expired", async () => {
  const slab = await suite.world.storeSlab(CODE);
  const { environment } = suite.open();
  const run = async () => {
    const task = await suite.world.lease(slab);
    return environment.repair(task, { id: task.token, remainingMs: 60_000 });
  };
  await suite.world.loseSector(slab, 0);
  expect(await run()).toMatchObject({ kind: "repaired" });
  for (const { swarm } of suite.world.hosts) await swarm.expirePrices();
  await suite.world.loseSector(slab, 1);
  expect(await run()).toMatchObject({ kind: "repaired", rebuilt: 1 });
  await expectWhole(slab);
});

test("a host that issues expired prices is not used", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  for (const index of [1, 2]) await slab.hosts[index]!.swarm.setSwitches({ priceValidityMs: -60_000 });
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
  expect((await slab.hosts[1]!.swarm.counters()).bytesRead).toBe(0);
});

test("a repair stores its measurements of hosts for the next worker", async () => {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 3 });
  await suite.world.loseSector(slab, 0);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired" });
  const scores = await readHostScores(suite.world.database.sql);
  expect(scores.length).toBeGreaterThanOrEqual(2);
});

test("a repair succeeds even if the fleet's host scores cannot be read", async () => {
  const { sql } = suite.world.database;
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 3 });
  await suite.world.loseSector(slab, 0);
  await sql`alter table slabmend.host_scores rename column failures to failed`;
  const result = await suite.repair(slab);
  await sql`alter table slabmend.host_scores rename column failed to failures`;
  expect(result).toMatchObject({ kind: "repaired", rebuilt: 1 });
  await expectWhole(slab);
});
