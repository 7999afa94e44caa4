/**
 * Slabs with codes that indexd would refuse to pin: their repairs do not crash, and get no more memory than other
 * repairs.
 */
import { expect, test } from "vitest";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import { blockHost } from "../../support/seed-indexd.ts";

const suite = repairSuite({ hosts: 5 });

test("a 1-of-1 slab whose only sector is lost cannot be repaired", async () => {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 1 });
  await suite.world.loseSector(slab, 0);
  expect(await suite.repair(slab)).toMatchObject({ kind: "too-few-sources" });
});

test("a 1-of-1 slab on a blocked host is copied", async () => {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 1 });
  await blockHost(suite.world.database.sql, slab.hosts[0]!.row.hostKey);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", copied: 1 });
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
});

test("a 1-of-3 slab is rebuilt from the only shard left", async () => {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 3 });
  for (const index of [0, 2]) await suite.world.loseSector(slab, index);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 2 });
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
  expect((await suite.traffic()).bytesRead).toBeGreaterThanOrEqual(SECTOR_BYTES);
});
