/** SIGKILL of claim, repair and reap at random steps, one after the other; the next runs finish the work. */
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { damagedSlabs } from "../support/kill-damage.ts";
import { KILL_STEPS } from "../support/kill-steps.ts";
import { createKillWorld, type KillWorld } from "../support/kill-world.ts";
import type { StoredSlab } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";
import { seededRandom } from "../support/seeded-random.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 12 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

test("claim, repair and reap repair everything despite kills at random steps", async () => {
  const seed = inject("seed");
  const fraction = seededRandom(seed);
  const random = (below: number): number => Math.floor(fraction() * below);
  const slabs = await damagedSlabs(kill, 4);
  await blockHost(kill.world.database.sql, slabs[0]!.hosts[random(3)]!.row.hostKey);
  const history: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    const name = (["claim", "repair", "reap"] as const)[random(3)]!;
    const step = KILL_STEPS[name][random(KILL_STEPS[name].length)]!;
    const victim = await kill.startVictim(name, { step, occurrence: 1 + random(2) });
    const event = name === "repair" ? kill.eventOf(await leaseOne(slabs, random)) : {};
    const outcome = await victim.invoke(event);
    history.push(`${name} at ${step}: ${outcome.kind === "failed" ? outcome.how : outcome.kind}`);
    await victim.stop();
    await kill.hoursPass();
  }
  await kill.finish();
  expect({ seed, history, violations: await kill.violations(slabs) }).toEqual({
    seed,
    history,
    violations: [],
  });
});

/** Leases any slab that has no lease, whether it is damaged or already repaired. */
async function leaseOne(slabs: readonly StoredSlab[], random: (below: number) => number) {
  const { sql } = kill.world.database;
  const leased = await sql<{ id: string }[]>`select slab_id::text as id from slabmend.leases`;
  const free = slabs.filter(({ id }) => !leased.some((row) => row.id === String(id)));
  const slab = free[random(free.length)] ?? slabs[0]!;
  if (free.length === 0) await sql`delete from slabmend.leases where slab_id = ${String(slab.id)}`;
  return await kill.world.lease(slab);
}
