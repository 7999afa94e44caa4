/** How shards are stored: with candidates that fail in all known ways, and with deadlines. */
import { describe, expect, test } from "vitest";
import type { HostSwitches } from "../../../dev/swarm/host-switches.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import type { StoredSlab } from "../../support/repair-world.ts";
import { blockHost } from "../../support/seed-indexd.ts";

const suite = repairSuite({ hosts: 12 });
const CODE = { minShards: 2, totalShards: 4 } as const;

async function expectWhole(slab: StoredSlab): Promise<void> {
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
  expect(new Set(await suite.world.locations(slab)).size).toBe(slab.sectors.length);
}

const refusals: [string, Partial<HostSwitches>][] = [
  ["is offline", { availability: "offline" }],
  ["accepts connections but does not answer", { availability: "silent" }],
  ["is full", { full: true }],
  ["lacks our funds", { outOfFunds: true }],
  ["fails internally", { failsInternally: true }],
  ["shuts down", { shuttingDown: true }],
  ["issues expired prices", { priceValidityMs: -1_000 }],
  ["stalls in mid-write", { stallsWritesAfterBytes: 1_500_000 }],
  [
    "refuses a write early",
    { refusesWritesEarly: { afterBytes: 500_000, code: 2, description: "not enough storage" } },
  ],
];

test.each(refusals)("a candidate that %s is replaced by the next", async (_, switches) => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  await suite.world.loseSector(slab, 3);
  const [bad, good, alsoGood] = suite.spare(slab);
  await suite.onlyCandidates([bad!, good!, alsoGood!]);
  await bad!.swarm.setSwitches(switches);
  const result = await suite.repair(slab, { remainingMs: 600_000 });
  expect(result).toMatchObject({ kind: "repaired", rebuilt: 2 });
  await expectWhole(slab);
  expect(await suite.world.locations(slab)).not.toContain(bad);
});

test.each(["ingressPrice", "storagePrice"] as const)(
  "a candidate whose %s exceeds indexd's limit is replaced by the next before anything is sent",
  async (name) => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    const [bad, good] = suite.spare(slab);
    await suite.onlyCandidates([bad!, good!]);
    await bad!.swarm.setPrices({ [name]: 10n ** 17n });
    expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
    expect(await suite.world.locations(slab)).toContain(good);
    expect((await bad!.swarm.counters()).bytesWritten).toBe(0);
  },
);

test("if a source stalls during a read, another source is read too", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  for (const { swarm } of slab.hosts.slice(1, 2)) await swarm.setSwitches({ stallsReadsAfterBytes: 300_000 });
  expect(await suite.repair(slab, { timesFaster: 5 })).toMatchObject({ kind: "repaired", rebuilt: 1 });
  await expectWhole(slab);
});

test("if all candidates are full, the first repair detects it, and no later repair reads or pays anything", async () => {
  const slabs = [await suite.world.storeSlab(CODE), await suite.world.storeSlab(CODE)];
  for (const slab of slabs) await suite.world.loseSector(slab, 0);
  for (const { swarm } of suite.world.hosts) await swarm.setSwitches({ full: true });
  expect(await suite.repair(slabs[0]!)).toMatchObject({ kind: "partial-refused", rebuilt: 0 });
  expect(await suite.history(slabs[0]!)).toMatchObject({ failed: 1 });
  expect((await suite.journal(slabs[0]!))[0]!.error).toMatch(/^\d+ not-enough-storage$/);
  const before = await suite.traffic();
  // The second repair is by another worker, which uses the host scores that the first worker reported.
  expect(await suite.repair(slabs[1]!)).toMatchObject({ kind: "no-candidates" });
  expect(await suite.traffic()).toEqual(before);
  expect(await suite.history(slabs[1]!)).toMatchObject({ failed: 0 });
});

test("a shard offered to a slow host is soon offered to a second host too, but recorded on only one", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  const [slow, ...others] = suite.spare(slab);
  await suite.onlyCandidates([slow!, ...others.slice(0, 2)]);
  // Which candidate is offered the shard first is drawn at random, so all candidates are slow: they need twenty seconds
  // per sector.
  for (const { swarm } of [slow!, ...others.slice(0, 2)])
    await swarm.setSwitches({ bytesPerSecond: SECTOR_BYTES / 20 });
  const quick = (async () => {
    const begun = async () =>
      (await Promise.all(suite.world.hosts.map(({ swarm }) => swarm.counters()))).filter(
        ({ rpcs }) => (rpcs["WriteSector"] ?? 0) > 0,
      ).length;
    // Waits until two hosts have been offered the shard; then all hosts become fast.
    for (let polls = 0; (await begun()) < 2; polls += 1) {
      if (polls > 5_000) throw new Error("the write was not hedged");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const { swarm } of suite.world.hosts) await swarm.setSwitches({ bytesPerSecond: null });
  })();
  const [result] = await Promise.all([suite.repair(slab), quick]);
  expect(result).toMatchObject({ kind: "repaired", rebuilt: 1, dropped: 0 });
  const [entry] = await suite.journal(slab);
  expect(entry!.moves).toHaveLength(1);
  await expectWhole(slab);
});

test("with one candidate for two lost shards, one shard is stored now and the other by a later repair", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 3]) await suite.world.loseSector(slab, index);
  await suite.onlyCandidates(suite.spare(slab).slice(0, 1));
  expect(await suite.repair(slab)).toMatchObject({ kind: "partial-refused", rebuilt: 1 });
  expect((await suite.world.locations(slab)).filter((host) => host === undefined)).toHaveLength(1);
  expect((await suite.history(slab)).failed).toBe(1);
  await suite.world.heal();
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
  await expectWhole(slab);
});

test("a repair whose candidates all lack our funds ends as underfunded, and is no failure of the slab", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  for (const { swarm } of suite.spare(slab)) await swarm.setSwitches({ outOfFunds: true });
  await suite.onlyCandidates(suite.spare(slab));
  expect(await suite.repair(slab)).toMatchObject({ kind: "underfunded" });
  expect(await suite.history(slab)).toMatchObject({ failed: 0 });
});

test("without candidates slabmend's own backoff applies, and indexd's counter of failed repairs does not change", async () => {
  const slab = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(slab, 0);
  await suite.onlyCandidates([]);
  expect(await suite.repair(slab)).toMatchObject({ kind: "no-candidates" });
  expect((await suite.traffic()).transfers).toBe(0);
  const history = await suite.history(slab);
  expect(history.failed).toBe(0);
  expect(history.waitsMs).toBeGreaterThan(60_000);
});

describe("a deadline", () => {
  test("that comes before any upload has ended interrupts the repair, and wastes at most the running transfers", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    for (const { swarm } of slab.hosts) await swarm.setSwitches({ bytesPerSecond: 100_000 });
    const startedAt = Date.now();
    const result = await suite.repair(slab, { remainingMs: 8_000 });
    expect(result).toMatchObject({ kind: "interrupted", rebuilt: 0 });
    expect(Date.now() - startedAt).toBeLessThan(8_000);
    expect(await suite.history(slab)).toMatchObject({ failed: 0, outcome: "interrupted" });
  });

  test("that comes after some uploads does not undo them, and the slab may be leased again at once", async () => {
    const slab = await suite.world.storeSlab(CODE);
    for (const index of [0, 3]) await suite.world.loseSector(slab, index);
    const [fast, slow] = suite.spare(slab);
    await suite.onlyCandidates([fast!, slow!]);
    await slow!.swarm.setSwitches({ bytesPerSecond: 100_000 });
    const result = await suite.repair(slab, { remainingMs: 16_000 });
    expect(result).toMatchObject({ kind: "partial-deadline", rebuilt: 1 });
    const history = await suite.history(slab);
    expect(history).toMatchObject({ failed: 0, outcome: "partial-deadline" });
    expect(history.waitsMs).toBeLessThanOrEqual(0);
  });

  test("that leaves too little time for a transfer prevents the transfer's start", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await blockHost(suite.world.database.sql, slab.hosts[1]!.row.hostKey);
    expect(await suite.repair(slab, { remainingMs: 1_000 })).toMatchObject({ kind: "interrupted" });
    expect((await suite.traffic()).transfers).toBe(0);
  });
});

test("no transfer continues after a repair has ended", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 3]) await suite.world.loseSector(slab, index);
  await slab.hosts[1]!.swarm.setSwitches({ bytesPerSecond: 2_000_000 });
  const spare = suite.spare(slab);
  for (const { swarm } of spare.slice(0, 3)) await swarm.setSwitches({ bytesPerSecond: 2_000_000 });
  const { environment, pending } = suite.open();
  const task = await suite.world.lease(slab);
  await environment.repair(task, { id: task.token, remainingMs: 60_000 });
  expect(pending()).toBe(0);
  // After a cancelled write a slow host still reads what its socket holds: at most one sector, which takes 2.1 s.
  // Then all traffic stops.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  const then = await suite.traffic();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await suite.traffic()).toEqual(then);
});

test("four lost shards of a 2-of-6 slab are all rebuilt and stored", async () => {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 6 });
  for (const index of [0, 1, 2, 3]) await suite.world.loseSector(slab, index);
  const result = await suite.repair(slab);
  expect(result).toMatchObject({ kind: "repaired", rebuilt: 4 });
  await expectWhole(slab);
  expect((await suite.traffic()).bytesWritten).toBeGreaterThanOrEqual(4 * SECTOR_BYTES);
});
