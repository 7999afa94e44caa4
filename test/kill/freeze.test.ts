/** Workers that are stopped: for longer than their lease, and between two repairs. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createKillWorld, type KillWorld } from "../support/kill-world.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 12 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

const CODE = { minShards: 2, totalShards: 4 } as const;

test.each(["begun", "fetched-one", "rebuilt-one", "stored-one", "stored", "commit-sent"])(
  "stopped at %s for longer than its lease, then continued, it does no harm",
  async (step) => {
    const { sql } = kill.world.database;
    const slab = await kill.world.storeSlab(CODE);
    await kill.world.loseSector(slab, 0);
    await sql`update contracts set good = false where host_id = ${slab.hosts[1]!.row.id}`;
    const victim = await kill.startVictim("repair", { step, signal: "SIGSTOP" });
    const first = await kill.world.lease(slab);
    const late = victim.invoke(kill.eventOf(first));
    await victim.whenStopped();
    // A commit that was sent waits for nobody; whatever was not is overtaken by another worker.
    const outcomes = await kill.finish();
    const [before] = await sql`select outcome from slabmend.journal where token = ${first.token}`;
    expect(outcomes).toEqual(before!["outcome"] === "crashed" ? ["crashed", "repaired"] : []);
    const view = () => sql`
      select s.next_repair_attempt::text, x.id::text, x.host_id, x.num_migrated, x.uploaded_at::text
      from slabs s join slab_sectors ss on ss.slab_id = s.id join sectors x on x.id = ss.sector_id
      where s.id = ${String(slab.id)} order by x.id`;
    const then = await view();
    expect(victim.signal("SIGCONT")).toBe(true);
    expect(await late).toMatchObject({ kind: "succeeded" });
    expect(await view()).toEqual(then);
    expect(await kill.violations([slab])).toEqual([]);
  },
);

test("frozen between two repairs, with sockets and prices that are stale, it does the next one right", async () => {
  const slab = await kill.world.storeSlab(CODE);
  await kill.world.loseSector(slab, 0);
  const victim = await kill.startVictim("repair");
  expect(await victim.invoke(kill.eventOf(await kill.world.lease(slab)))).toMatchObject({
    payload: '{"batchItemFailures":[]}',
  });
  // The process is frozen now. Its connections are gone without its knowing, and its prices are over.
  for (const { swarm } of kill.world.hosts) {
    await swarm.expirePrices();
    await swarm.restart();
  }
  await kill.world.loseSector(slab, 1);
  await kill.world.loseSector(slab, 2);
  expect(await victim.invoke(kill.eventOf(await kill.world.lease(slab)))).toMatchObject({
    payload: '{"batchItemFailures":[]}',
  });
  const rows = await kill.world.database.sql`select outcome from slabmend.journal order by id`;
  expect(rows.map((row) => row["outcome"])).toEqual(["repaired", "repaired"]);
  await kill.finish();
  expect(await kill.violations([slab])).toEqual([]);
});
