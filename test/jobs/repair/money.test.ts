/** The cost limit of a repair, and the cost of a repair that cannot succeed. */
import { expect, test } from "vitest";
import { DEFAULT_PRICES } from "../../../dev/swarm/swarm.ts";
import { readSectorCost, writeSectorCost } from "../../../lib/rhp4/costs.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { repairSuite } from "../../support/repair-suite.ts";

const suite = repairSuite({ hosts: 14 });

const readCost = readSectorCost(DEFAULT_PRICES, SECTOR_BYTES);
const writeCost = writeSectorCost(DEFAULT_PRICES, SECTOR_BYTES);
const siacoins = (hastings: bigint): string => {
  const digits = hastings.toString().padStart(25, "0");
  return `${digits.slice(0, -24)}.${digits.slice(-24, -12)}`;
};
/** Sets the cost limit to this many hastings, rounded up to twelve decimals of a siacoin. */
const limitOf = (hastings: bigint) => ({
  variables: { SLABMEND_MAX_SIACOINS_PER_REPAIR: siacoins(hastings + 10n ** 12n) },
});

test("with too few sources each answering host is paid for one range of its sector, and not for all four", async () => {
  const slab = await suite.world.storeSlab({ minShards: 10, totalShards: 12 });
  for (const index of [0, 1]) await suite.world.loseSector(slab, index);
  for (const index of [2, 3, 4]) await slab.hosts[index]!.swarm.setSwitches({ availability: "silent" });
  expect(await suite.repair(slab, { timesFaster: 4 })).toMatchObject({ kind: "too-few-sources" });
  expect((await suite.traffic()).bytesRead).toBeLessThanOrEqual((7 * SECTOR_BYTES) / 4);
});

test("a repair with a sufficient cost limit succeeds", async () => {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 4 });
  await suite.world.loseSector(slab, 0);
  // The limit is twice the cost of two reads and one write, because hedged reads may add to this cost.
  const result = await suite.repair(slab, limitOf(2n * (2n * readCost + writeCost)));
  expect(result).toMatchObject({ kind: "repaired" });
});

test("a repair whose reads would exceed the cost limit stops at the limit, with the limit as the recorded reason", async () => {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 4 });
  await suite.world.loseSector(slab, 0);
  const result = await suite.repair(slab, limitOf(readCost));
  expect(result).toMatchObject({ kind: "interrupted", rebuilt: 0 });
  if (result.kind === "stale") throw new Error("stale");
  expect(result.meter.hastings).toBeLessThanOrEqual(readCost + 10n ** 12n);
  expect(result.error).toMatch(/^cost-limit: \d cost-limit$/);
  expect((await suite.traffic()).bytesRead).toBeLessThanOrEqual(SECTOR_BYTES);
  expect(await suite.history(slab)).toMatchObject({ failed: 0 });
});

test("a sector that should be copied is not read if no candidate can take it", async () => {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 4 });
  await suite.world.database.sql`update contracts set good = false where host_id = ${slab.hosts[1]!.row.id}`;
  await suite.onlyCandidates([]);
  expect(await suite.repair(slab)).toMatchObject({ kind: "no-candidates" });
  expect((await suite.traffic()).transfers).toBe(0);
});

test.each([
  ["is shutting down", { shuttingDown: true }],
  ["lacks our funds", { outOfFunds: true }],
  ["does not find the sector", { losesSectors: "all" }],
] as const)("a host that %s charged nothing, and the journal says so", async (_says, switches) => {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 5 });
  await suite.world.loseSector(slab, 0);
  for (const { swarm } of suite.world.hosts) await swarm.setSwitches(switches);
  const result = await suite.repair(slab);
  expect(result).toMatchObject({ rebuilt: 0, copied: 0, meter: { hastings: 0n, bytesWritten: 0 } });
  const [row] = await suite.world.database.sql`
    select hastings::text, bytes_read::integer as read from slabmend.journal where slab_id = ${String(slab.id)}`;
  expect(row).toEqual({ hastings: "0", read: 0 });
});
