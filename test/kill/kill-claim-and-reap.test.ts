/** SIGKILL after each named step of claim and reap, and at random ones of all three; the next runs finish. */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { damagedSlabs, leaveWorkForReap } from "../support/kill-damage.ts";
import { KILL_STEPS, WALK_STEPS } from "../support/kill-steps.ts";
import { createKillWorld, type FunctionName, type KillWorld } from "../support/kill-world.ts";
import type { StoredSlab } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 12 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

/** The steps of the walk are in kill-walk.test.ts. */
const claimSteps = KILL_STEPS.claim.filter((step) => !WALK_STEPS.some((walkStep) => walkStep === step));

test.each(claimSteps)("claim killed at %s loses no slab", async (step) => {
  const slabs = await damagedSlabs(kill, 3);
  const victim = await kill.startVictim("claim", { step });
  expect(await victim.invoke({})).toMatchObject({ how: "crashed" });
  const outcomes = await kill.finish();
  expect(outcomes.filter((outcome) => outcome === "repaired")).toHaveLength(slabs.length);
  expect(await kill.violations(slabs)).toEqual([]);
});

test("every step at which a process can be killed is one that undisturbed runs pass", async () => {
  const slabs = await damagedSlabs(kill, 3);
  await blockHost(kill.world.database.sql, slabs[0]!.hosts[1]!.row.hostKey);
  await leaveWorkForReap(kill, slabs);
  const noted: Record<FunctionName, string[]> = { claim: [], repair: [], reap: [] };
  const reap = await kill.startVictim("reap");
  await reap.invoke({});
  noted.reap = await reap.steps();
  const claim = await kill.startVictim("claim");
  for (let run = 0; run < 2; run += 1) {
    await kill.hoursPass();
    await kill.world.database.sql`update slabmend.backlog set ready = false, look_at = now()`;
    await claim.invoke({});
  }
  noted.claim = await claim.steps();
  const repair = await kill.startVictim("repair");
  await kill.world.database.sql`delete from slabmend.leases`;
  await repair.invoke(kill.eventOf(await kill.world.lease(slabs[0]!)));
  noted.repair = await repair.steps();
  for (const name of ["claim", "repair", "reap"] as const) {
    expect([name, [...new Set(noted[name])].sort()]).toEqual([name, [...KILL_STEPS[name]].sort()]);
  }
});

const isOldHistoryKept = async (): Promise<boolean> =>
  (await kill.world.database.sql`select from slabmend.repairs where finished_at < now() - interval '8 days'`)
    .length > 0;

test.each(KILL_STEPS.reap)("reap killed at %s is finished by the next", async (step) => {
  const { sql } = kill.world.database;
  const slabs = await damagedSlabs(kill, 3);
  await leaveWorkForReap(kill, slabs);
  const victim = await kill.startVictim("reap", { step });
  expect(await victim.invoke({})).toMatchObject({ how: "crashed" });
  await kill.finish();
  expect(await kill.violations(slabs)).toEqual([]);
  const letters = await sql`select cause, body from slabmend.dead_letters`;
  expect(letters).toMatchObject([{ cause: "message-not-json", body: "not a message of ours" }]);
  expect(await isOldHistoryKept()).toBe(false);
});

/** mulberry32: small, and the same everywhere. */
function seededRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test("killed one after the other at random steps, they repair everything in the end", {
  timeout: 90_000,
}, async () => {
  const seed = Number(process.env["SLABMEND_TEST_SEED"] ?? randomInt(2 ** 31));
  console.log(`kill at random steps: SLABMEND_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
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

/** Some slab that nobody has leased, be it damaged or repaired by now. */
async function leaseOne(slabs: readonly StoredSlab[], random: (below: number) => number) {
  const { sql } = kill.world.database;
  const leased = await sql<{ id: string }[]>`select slab_id::text as id from slabmend.leases`;
  const free = slabs.filter(({ id }) => !leased.some((row) => row.id === String(id)));
  const slab = free[random(free.length)] ?? slabs[0]!;
  if (free.length === 0) await sql`delete from slabmend.leases where slab_id = ${String(slab.id)}`;
  return await kill.world.lease(slab);
}
