/** Several repairs in one execution environment, as in a process of `slabmend work`. */
import { expect, test } from "vitest";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { openRepairEnvironment } from "../../../lib/worker/open-repair-environment.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import { WORLD_SETTINGS } from "../../support/repair-world.ts";
import { blockHost } from "../../support/seed-indexd.ts";
import { untilEqual } from "../../support/until.ts";

const suite = repairSuite({ hosts: 16 });
const CODE = { minShards: 4, totalShards: 8 } as const;

test("five simultaneous repairs share memory and connections, and each gives the same result as alone", {
  timeout: 120_000,
}, async () => {
  const slabs = await Promise.all(Array.from({ length: 5 }, () => suite.world.storeSlab(CODE)));
  for (const [n, slab] of slabs.entries()) {
    for (const index of [n % 8, (n + 3) % 8]) await suite.world.loseSector(slab, index);
  }
  await blockHost(suite.world.database.sql, slabs[0]!.hosts[1]!.row.hostKey);
  const environment = openRepairEnvironment({
    variables: suite.world.variables,
    repairsAtOnce: 5,
    logger: createLogger("silent", { indexer: "default" }),
  });
  try {
    const results = await Promise.all(
      slabs.map(async (slab) => {
        const task = await suite.world.lease(slab);
        return environment.repair(task, { id: `together/${task.token}`, remainingMs: 120_000 });
      }),
    );
    expect(results.map(({ kind }) => kind)).toEqual(Array(5).fill("repaired"));
  } finally {
    await environment.close();
  }
  for (const slab of slabs) {
    expect(await suite.world.wrongSectors(slab)).toEqual([]);
    expect(new Set(await suite.world.locations(slab)).size).toBe(CODE.totalShards);
  }
});

test("five simultaneous repairs share two database connections, and hold none during transfers", {
  timeout: 120_000,
}, async () => {
  const { sql } = suite.world.database;
  const slabs = await Promise.all(Array.from({ length: 5 }, () => suite.world.storeSlab(CODE)));
  for (const slab of slabs) await suite.world.loseSector(slab, 0);
  const environment = openRepairEnvironment({
    variables: suite.world.variables,
    repairsAtOnce: 5,
    settings: { ...WORLD_SETTINGS, mostConnections: 2 },
    logger: createLogger("silent", { indexer: "default" }),
  });
  const look = async () => {
    const [row] = await sql<{ connections: number; running: number }[]>`
      select (select count(*)::integer from pg_stat_activity
          where datname = current_database() and application_name = 'slabmend-repair') as connections,
        (select count(*)::integer from slabmend.leases where began_at is not null) as running`;
    return row!;
  };
  for (const { swarm } of suite.world.hosts) await swarm.setSwitches({ bytesPerSecond: 300_000 });
  let isOver = false;
  let most = 0;
  const watching = (async () => {
    while (!isOver) most = Math.max(most, (await look()).connections);
  })();
  try {
    const repairing = slabs.map(async (slab) => {
      const task = await suite.world.lease(slab);
      return environment.repair(task, { id: `few/${task.token}`, remainingMs: 110_000 });
    });
    await untilEqual(look, { connections: 0, running: 5 });
    for (const { swarm } of suite.world.hosts) await swarm.setSwitches({ bytesPerSecond: null });
    expect((await Promise.all(repairing)).map(({ kind }) => kind)).toEqual(Array(5).fill("repaired"));
  } finally {
    isOver = true;
    await watching;
    await environment.close();
  }
  expect(most).toBe(2);
});

test("if a repair finds that some of its sources are lost, the same repair also rebuilds their shards", async () => {
  const slab = await suite.world.storeSlab(CODE);
  for (const index of [0, 1]) await suite.world.loseSector(slab, index);
  // No table knows that these two of the six remaining sectors are lost.
  for (const index of [2, 3]) await slab.hosts[index]!.swarm.dropSector(slab.sectors[index]!.root);
  // With a constant `random`, sources of equal weight are asked in the order of their sectors: first the two lost
  // sectors.
  const result = await suite.repair(slab, { random: () => 0.5 });
  expect(result).toMatchObject({ kind: "repaired", rebuilt: 4, lost: 2 });
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
  expect(await suite.journal(slab)).toHaveLength(1);
});
