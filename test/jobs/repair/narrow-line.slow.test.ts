/**
 * After a repair has measured all hosts, transfers with them become slower, as on an uplink that several repairs fill
 * at once.
 */
import { expect, test } from "vitest";
import { repairSuite } from "../../support/repair-suite.ts";

const suite = repairSuite({ hosts: 14 });
const CODE = { minShards: 2, totalShards: 6 } as const;

test("writes that suddenly take 17 s at all hosts are awaited, and no host is given up", async () => {
  const quick = await suite.world.storeSlab(CODE);
  await suite.world.loseSector(quick, 0);
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 1, 2]) await suite.world.loseSector(slab, index);
  const { environment } = suite.open({ timesFaster: 5 });
  const repair = async (task: Awaited<ReturnType<typeof suite.world.lease>>) =>
    await environment.repair(task, { id: task.token, remainingMs: 600_000 });
  // During this first repair the hosts are fast: the environment measures a few milliseconds per sector.
  expect(await repair(await suite.world.lease(quick))).toMatchObject({ kind: "repaired", rebuilt: 1 });
  for (const { swarm } of suite.world.hosts) await swarm.setSwitches({ bytesPerSecond: 1_200_000 });
  expect(await repair(await suite.world.lease(slab))).toMatchObject({ kind: "repaired", rebuilt: 3 });
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
});
