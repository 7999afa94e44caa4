/**
 * A slab with an 85-of-255 code: its 85 sources alone are more than twice as large as the memory of a repair. The slab
 * is a gigabyte of sectors on 255 of 258 hosts.
 */
import { expect, test } from "vitest";
import { repairSuite } from "../../support/repair-suite.ts";

const suite = repairSuite({ hosts: 258 });

test("an 85-of-255 slab is repaired with no more memory than any other slab, although two hosts corrupt data", async () => {
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
