/** SIGKILL after each named step of claim and reap, and at random ones of all three; the next runs finish. */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FATES, type Fate, killInCommit } from "../support/kill-in-commit.ts";
import { KILL_STEPS, WALK_STEPS } from "../support/kill-steps.ts";
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

/** The steps of the walk are in kill-walk.test.ts. */
const claimSteps = KILL_STEPS.claim.filter((step) => !WALK_STEPS.some((walkStep) => walkStep === step));

test.each(claimSteps)("claim killed at %s loses no slab", async (step) => {
  const slabs = await damagedSlabs(3);
  const victim = await kill.startVictim("claim", { step });
  expect(await victim.invoke({})).toMatchObject({ how: "crashed" });
  const outcomes = await kill.finish();
  expect(outcomes.filter((outcome) => outcome === "repaired")).toHaveLength(slabs.length);
  expect(await kill.violations(slabs)).toEqual([]);
});

/** Slab, token and whether it was sent, of every lease. */
const leases = () =>
  kill.world.database.sql<{ slab: string; token: string; sent: boolean }[]>`
    select slab_id::text as slab, token::text, sent_at is not null as sent from slabmend.leases order by slab_id`.then(
    (rows) => [...rows],
  );

/** Whoever set out to send what is unsent has been at it for too long. */
const sendingIsOverdue = () =>
  kill.world.database.sql`update slabmend.leases set sending_since = sending_since - interval '1 minute'`;

describe.each(FATES)("killed while its COMMIT waits: %s:", (fate) => {
  const isCommitted = fate === "the server commits all the same";
  /** A new process runs and is killed in the commit that writes this. */
  async function killIn(name: FunctionName, write: string): Promise<void> {
    const victim = await kill.startVictim(name);
    await killInCommit(kill.world.database.sql, victim, {}, { write }, fate satisfies Fate);
  }

  test("claim, when it leases and when it marks what was sent", async () => {
    const { sql } = kill.world.database;
    const slabs = await damagedSlabs(3);
    await killIn("claim", "insert on slabmend.leases");
    const leased = await leases();
    expect(leased).toMatchObject(isCommitted ? slabs.map(() => ({ sent: false })) : []);

    // The next one sends what was leased, or leases anew what was not; and dies in its turn.
    await sendingIsOverdue();
    await killIn("claim", "update of sent_at on slabmend.leases");
    const sent = await leases();
    expect(sent).toMatchObject(slabs.map(() => ({ sent: isCommitted })));
    if (isCommitted) expect(sent).toEqual(leased.map((lease) => ({ ...lease, sent: true })));
    expect(await kill.queueServer.count(kill.queues.repairs)).toMatchObject({ visible: slabs.length });

    await sendingIsOverdue();
    await kill.run("claim");
    // What was not marked was sent once more, and only that.
    const copies = isCommitted ? 1 : 2;
    expect(await kill.queueServer.count(kill.queues.repairs)).toMatchObject({
      visible: copies * slabs.length,
    });
    await kill.drainQueue();
    const repairs = await sql`select token::text, outcome from slabmend.journal order by slab_id`;
    expect([...repairs]).toEqual(sent.map(({ token }) => ({ token, outcome: "repaired" })));
    expect(await kill.finish()).toEqual([]);
    expect(await kill.violations(slabs)).toEqual([]);
  });

  test("reap, in each of its transactions", async () => {
    const { sql } = kill.world.database;
    const slabs = await damagedSlabs(3);
    const [crashed, unsent, told] = slabs.map(({ id }) => String(id)) as [string, string, string];
    await leaveWorkForReap(slabs);
    // The fleet has become well; it is the third crash of a slab while another one was repaired.
    await sql`update slabmend.fleet set ill = true, backoff_ms = 1000, backoff_from = now() - interval '1 hour',
      backoff_until = now() - interval '1 hour'`;
    await sql`insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
      select gen_random_uuid(), ${told}, digest, 'repaired', 'repaired', 'w', now(), now(), now() from slabs where id = ${told}`;
    await sql`insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, crashes, next_repair_attempt)
      select id, digest, 'crashed', now(), 2, next_repair_attempt from slabs where id = ${crashed}`;
    const done = async () => {
      const [row] = await sql`
        select not ill as well,
          exists (select from slabmend.repairs where slab_id = ${crashed} and quarantined_until > now()) as quarantined,
          not exists (select from slabmend.leases where slab_id = ${crashed}) as ended,
          exists (select from slabmend.journal where slab_id = ${crashed} and outcome = 'crashed') as noted,
          not exists (select from slabmend.moved) as told,
          (select max(e.updated_at) > now() - interval '1 hour' from object_events e
           join objects o using (object_key) join object_slabs os on os.object_id = o.id
           join slabs s on s.digest = os.slab_digest where s.id = ${told}) as bumped,
          exists (select from slabmend.leases where slab_id = ${unsent} and sending_since > now() - interval '1 hour') as taken,
          exists (select from slabmend.leases where slab_id = ${unsent} and sent_at is not null) as sent,
          exists (select from slabmend.dead_letters) as stored,
          not exists (select from slabmend.repairs where finished_at < now() - interval '8 days') as forgotten
        from slabmend.fleet`;
      return row!;
    };
    await sql`update object_events set updated_at = now() - interval '1 day'`;
    for (const [write, states] of [
      ["update on slabmend.fleet", ["well"]],
      ["insert on slabmend.journal", ["quarantined", "ended", "noted"]],
      ["delete on slabmend.moved", ["told", "bumped"]],
      ["update of sending_since on slabmend.leases", ["taken"]],
      ["update of sent_at on slabmend.leases", ["sent"]],
      ["insert on slabmend.dead_letters", ["stored"]],
      ["delete on slabmend.repairs", ["forgotten"]],
    ] as const) {
      await sql`update slabmend.leases set sending_since = now() - interval '2 hours' where slab_id = ${unsent}`;
      await killIn("reap", write);
      const expected = states.map((state) => [state, isCommitted]);
      expect([write, await done()]).toMatchObject([write, Object.fromEntries(expected)]);
    }
    // The letter that no statement kept is in the queue as before, for whoever receives it next.
    expect(await kill.queueServer.count(kill.queues.deadLetters)).toEqual({ visible: 0, inFlight: 1 });
    await kill.finish();
    const rest = await done();
    expect(rest).toMatchObject({
      well: true,
      ended: true,
      noted: true,
      told: true,
      bumped: true,
      forgotten: true,
    });
    const crashes =
      await sql`select from slabmend.journal where slab_id = ${crashed} and outcome = 'crashed'`;
    expect(crashes).toHaveLength(1);
    expect(await kill.violations(slabs)).toEqual([]);
  });
});

test("every step at which a process can be killed is one that undisturbed runs pass", async () => {
  const slabs = await damagedSlabs(3);
  await blockHost(kill.world.database.sql, slabs[0]!.hosts[1]!.row.hostKey);
  await leaveWorkForReap(slabs);
  const noted: Record<FunctionName, string[]> = { claim: [], repair: [], reap: [] };
  const reap = await kill.startVictim("reap");
  await reap.invoke({});
  noted.reap = await reap.steps();
  const claim = await kill.startVictim("claim");
  for (let run = 0; run < 2; run += 1) {
    await kill.hoursPass();
    await kill.world.database.sql`update slabmend.backlog set look_at = now()`;
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

/** A running lease that expired, one that was never sent, objects that were not told, a dead letter, old history. */
async function leaveWorkForReap(slabs: readonly StoredSlab[]): Promise<void> {
  const { sql } = kill.world.database;
  const [crashed, unsent, told] = slabs as [StoredSlab, StoredSlab, StoredSlab];
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
}

const isOldHistoryKept = async (): Promise<boolean> =>
  (await kill.world.database.sql`select from slabmend.repairs where finished_at < now() - interval '8 days'`)
    .length > 0;

test.each(KILL_STEPS.reap)("reap killed at %s is finished by the next", async (step) => {
  const { sql } = kill.world.database;
  const slabs = await damagedSlabs(3);
  await leaveWorkForReap(slabs);
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
  const slabs = await damagedSlabs(4);
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
