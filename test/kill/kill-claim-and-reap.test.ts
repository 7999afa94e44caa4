/** SIGKILL after each named step of claim and reap, and at random ones of all three; the next runs finish. */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createKillWorld, type FunctionName, type KillWorld, sendDeadLetter } from "../support/kill-world.ts";
import type { StoredSlab } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 12 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

async function damagedSlabs(count: number): Promise<StoredSlab[]> {
  const slabs: StoredSlab[] = [];
  for (let n = 0; n < count; n += 1) {
    const slab = await kill.world.storeSlab({ minShards: 1, totalShards: 3 });
    await kill.world.loseSector(slab, n % 3);
    slabs.push(slab);
  }
  return slabs;
}

test.each(["leased", "sent-message", "marked-sent"])("claim killed at %s loses no slab", async (step) => {
  const slabs = await damagedSlabs(3);
  const victim = await kill.startVictim("claim", { step });
  expect(await victim.invoke({})).toMatchObject({ how: "crashed" });
  const outcomes = await kill.finish();
  expect(outcomes.filter((outcome) => outcome === "repaired")).toHaveLength(slabs.length);
  expect(await kill.violations(slabs)).toEqual([]);
});

const reapSteps = [
  "reaped",
  "fleet-checked",
  "events-bumped",
  "sent-message",
  "marked-sent",
  "dead-letters-stored",
  "dead-letters-deleted",
  "history-forgotten",
];

test.each(reapSteps)("reap killed at %s is finished by the next", async (step) => {
  const { sql } = kill.world.database;
  const slabs = await damagedSlabs(3);
  const [crashed, unsent, told] = slabs as [StoredSlab, StoredSlab, StoredSlab];
  // A running lease that expired, a lease that was never sent, objects that were not told, a dead letter, old history.
  await kill.world.lease(crashed);
  await sql`update slabmend.leases set began_at = leased_at, worker = 'gone' where slab_id = ${String(crashed.id)}`;
  await kill.world.lease(unsent);
  await sql`update slabmend.leases set sent_at = null where slab_id = ${String(unsent.id)}`;
  await kill.hoursPass();
  // Only the first one is over.
  await sql`update slabmend.leases set expires_at = now() + interval '1 hour' where slab_id = ${String(unsent.id)}`;
  await sql`insert into slabmend.moved (slab_id, digest, moved_at) values
    (${String(told.id)}, ${Buffer.from(told.digest, "hex")}, now())`;
  await sendDeadLetter(kill, "not a message of ours");
  await sql`insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt) values
    (${String(told.id)}, ${Buffer.from(told.digest, "hex")}, 'repaired', now() - interval '9 days', now() - interval '9 days')`;
  const victim = await kill.startVictim("reap", { step });
  expect(await victim.invoke({})).toMatchObject({ how: "crashed" });
  await kill.finish();
  expect(await kill.violations(slabs)).toEqual([]);
  const letters = await sql`select cause, body from slabmend.dead_letters`;
  expect(letters).toMatchObject([{ cause: "message-not-json", body: "not a message of ours" }]);
  const [old] = await sql`
    select from slabmend.repairs where slab_id = ${String(told.id)} and finished_at < now() - interval '1 day'`;
  expect(old).toBeUndefined();
});

const anyStep: Readonly<Record<FunctionName, readonly string[]>> = {
  claim: ["leased", "sent-message", "marked-sent"],
  repair: [
    "begun",
    "planned",
    "fetched-one",
    "rebuilt-one",
    "stored-one",
    "stored",
    "commit-sent",
    "committed",
  ],
  reap: ["reaped", "fleet-checked", "events-bumped", "sent-message"],
};

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
  const slabs = await damagedSlabs(4);
  await blockHost(kill.world.database.sql, slabs[0]!.hosts[random(3)]!.row.hostKey);
  const history: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    const name = (["claim", "repair", "reap"] as const)[random(3)]!;
    const step = anyStep[name][random(anyStep[name].length)]!;
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
