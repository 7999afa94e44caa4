/** Processes of `slabmend work` that repair several slabs each: a kill fails only the slabs of that process. */
import { expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { WorkerPool } from "../../../lib/worker/worker-pool.ts";
import { repairSuite } from "../../support/repair-suite.ts";

const suite = repairSuite({ hosts: 10 });

test("a kill of a process fails only the repairs in this process, and their slabs can be repaired afterwards", {
  timeout: 120_000,
}, async () => {
  const slabs = await Promise.all(
    Array.from({ length: 4 }, () => suite.world.storeSlab({ minShards: 2, totalShards: 4 })),
  );
  for (const slab of slabs) await suite.world.loseSector(slab, 0);
  // The hosts are so slow that all four repairs are running when the process is killed.
  for (const { swarm } of suite.world.hosts) await swarm.setSwitches({ bytesPerSecond: 200_000 });
  const pool = new WorkerPool({
    size: 4,
    processes: 2,
    environment: { ...process.env, ...suite.world.variables },
    timeoutMs: 110_000,
    clock: systemClock,
  });
  try {
    await pool.start();
    const tasks = await Promise.all(slabs.map((slab) => suite.world.lease(slab)));
    const ends = tasks.map((task) => pool.run(task));
    const begun = async (): Promise<number> => {
      const [row] = await suite.world.database.sql<{ count: number }[]>`
        select count(*)::integer as count from slabmend.leases where began_at is not null`;
      return row!.count;
    };
    for (let polls = 0; (await begun()) < 4; polls += 1) {
      if (polls > 4_000) throw new Error("not all repairs began");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(pool.pids).toHaveLength(2);
    process.kill(pool.pids[0]!, "SIGKILL");
    for (const { swarm } of suite.world.hosts) await swarm.setSwitches({ bytesPerSecond: null });
    // Each repair goes to the least busy process, so every second repair ran in the killed process.
    expect((await Promise.all(ends)).map((end) => ("outcome" in end ? end.outcome : end.kind))).toEqual([
      "crashed",
      "repaired",
      "crashed",
      "repaired",
    ]);
  } finally {
    await pool.stop();
  }
  await suite.world.database.sql`delete from slabmend.leases`;
  for (const slab of [slabs[0]!, slabs[2]!]) {
    expect(await suite.repair(slab)).toMatchObject({ kind: "repaired" });
  }
  for (const slab of slabs) expect(await suite.world.wrongSectors(slab)).toEqual([]);
});
