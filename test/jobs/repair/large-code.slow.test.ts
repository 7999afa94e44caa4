/** An 85-of-255 slab: its sources alone are twice a repair's memory. A gigabyte of sectors on 258 hosts. */
import { expect, test } from "vitest";
import { repairSuite } from "../../support/repair-suite.ts";

const suite = repairSuite({ hosts: 258 });

test("an 85-of-255 slab is repaired within the same memory, although two of its hosts lie", async () => {
  const slab = await suite.world.storeSlab({ minShards: 85, totalShards: 255 });
  for (const index of [3, 200, 254]) await suite.world.loseSector(slab, index);
  for (const index of [7, 77]) await slab.hosts[index]!.swarm.setSwitches({ corruptsData: true });
  const result = await suite.repair(slab, { remainingMs: 500_000 });
  expect(result).toMatchObject({ kind: "repaired", rebuilt: 3 });
  const now = await suite.world.locations(slab);
  expect(new Set(now).size).toBe(255);
  for (const index of [3, 200, 254]) {
    const bytes = await now[index]!.swarm.readSectorFile(slab.sectors[index]!.root);
    expect(suite.world.kernel.sectorRoot(bytes)).toBe(slab.sectors[index]!.root);
  }
});
