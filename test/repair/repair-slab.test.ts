import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openRepairEnvironment, type RepairEnvironment } from "../../lib/repair/open-repair-environment.ts";
import type { RepairResult } from "../../lib/repair/repair-dependencies.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";

let world: RepairWorld;
let environment: RepairEnvironment;

beforeAll(async () => {
  world = await createRepairWorld({ hosts: 14 });
});
afterAll(() => world.stop());

beforeEach(async () => {
  environment = openRepairEnvironment({ variables: world.variables });
  for (const { swarm } of world.hosts) await swarm.resetCounters();
  return () => environment.close();
});

async function repair(slab: StoredSlab, remainingMs = 60_000): Promise<RepairResult> {
  const task = await world.lease(slab);
  return environment.repair(task, { id: `test/${task.token}`, remainingMs });
}

async function bytesReadFromHosts(): Promise<number> {
  const counters = await Promise.all(world.hosts.map(({ swarm }) => swarm.counters()));
  return counters.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
}

describe("repairing one slab", () => {
  test("a healthy slab costs nothing", async () => {
    const slab = await world.storeSlab({ minShards: 3, totalShards: 6 });
    expect(await repair(slab)).toMatchObject({ kind: "healthy", copied: 0, rebuilt: 0 });
    expect(await bytesReadFromHosts()).toBe(0);
  });

  test("lost sectors are rebuilt on new hosts", async () => {
    const slab = await world.storeSlab({ minShards: 3, totalShards: 6 });
    await world.loseSector(slab, 1);
    await world.loseSector(slab, 5);
    expect(await repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 2, copied: 0, dropped: 0 });
    expect(await world.wrongSectors(slab)).toEqual([]);
    const now = await world.locations(slab);
    expect(new Set(now).size).toBe(6);
    expect(await bytesReadFromHosts()).toBe(3 * SECTOR_BYTES);
  });

  test("a sector on a blocked host that still serves is copied: 4 MiB are read, not 12", async () => {
    const slab = await world.storeSlab({ minShards: 3, totalShards: 6, on: world.hosts.slice(8) });
    await blockHost(world.database.sql, slab.hosts[2]!.row.hostKey);
    expect(await repair(slab)).toMatchObject({ kind: "repaired", copied: 1, rebuilt: 0 });
    expect(await world.wrongSectors(slab)).toEqual([]);
    expect(await bytesReadFromHosts()).toBe(SECTOR_BYTES);
  });
});
