/** SIGKILL after each named step of claim and reap; the next runs finish the work. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { damagedSlabs, leaveWorkForReap } from "../support/kill-damage.ts";
import { KILL_STEPS, WALK_STEPS } from "../support/kill-steps.ts";
import { createKillWorld, type FunctionName, type KillWorld } from "../support/kill-world.ts";
import { blockHost } from "../support/seed-indexd.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 12 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

/** The steps of claim without those of its walk, which kill-walk.slow.test.ts tests. */
const claimSteps = KILL_STEPS.claim.filter((step) => !WALK_STEPS.some((walkStep) => walkStep === step));

test.each(claimSteps)("after a kill of claim at %s every damaged slab is still repaired", async (step) => {
  const slabs = await damagedSlabs(kill, 3);
  const victim = await kill.startVictim("claim", { step });
  expect(await victim.invoke({})).toMatchObject({ how: "crashed" });
  const outcomes = await kill.finish();
  expect(outcomes.filter((outcome) => outcome === "repaired")).toHaveLength(slabs.length);
  expect(await kill.violations(slabs)).toEqual([]);
});

test("undisturbed runs pass every step at which a process can be killed", async () => {
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

test.each(KILL_STEPS.reap)("after a kill of reap at %s the next reap finishes the work", async (step) => {
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
