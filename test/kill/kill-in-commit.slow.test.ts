/**
 * SIGKILL of claim and reap while the COMMIT of each of their transactions waits in the server. The server then commits
 * or rolls back, and the next runs finish the work.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { damagedSlabs, leaveWorkForReap } from "../support/kill-damage.ts";
import { FATES, killInCommit } from "../support/kill-in-commit.ts";
import { createKillWorld, type FunctionName, type KillWorld } from "../support/kill-world.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 12 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

/** The slab and token of every lease, and whether the lease was sent. */
const leases = () =>
  kill.world.database.sql<{ slab: string; token: string; sent: boolean }[]>`
    select slab_id::text as slab, token::text, sent_at is not null as sent from slabmend.leases order by slab_id`.then(
    (rows) => [...rows],
  );

/** Moves the time at which a lease's sending began into the past, so that the sending is overdue. */
const sendingIsOverdue = () =>
  kill.world.database.sql`update slabmend.leases set sending_since = sending_since - interval '1 minute'`;

describe.each(FATES)("%s:", (fate) => {
  const isCommitted = fate === "the server still commits";
  /** Starts a new process and kills it in the COMMIT of the transaction that makes this write. */
  async function killIn(name: FunctionName, write: string): Promise<void> {
    const victim = await kill.startVictim(name);
    await killInCommit(kill.world.database.sql, victim, {}, { write }, fate);
  }

  test("after a kill of claim while it leases or marks leases as sent, the next claim sends the unmarked leases", async () => {
    const { sql } = kill.world.database;
    const slabs = await damagedSlabs(kill, 3);
    await killIn("claim", "insert on slabmend.leases");
    const leased = await leases();
    expect(leased).toMatchObject(isCommitted ? slabs.map(() => ({ sent: false })) : []);

    // The next claim sends the leases or, after a rollback, leases the slabs again and sends them. It is killed too.
    await sendingIsOverdue();
    await killIn("claim", "update of sent_at on slabmend.leases");
    const sent = await leases();
    expect(sent).toMatchObject(slabs.map(() => ({ sent: isCommitted })));
    if (isCommitted) expect(sent).toEqual(leased.map((lease) => ({ ...lease, sent: true })));
    expect(await kill.queueServer.count(kill.queues.repairs)).toMatchObject({ visible: slabs.length });

    await sendingIsOverdue();
    await kill.run("claim");
    // Leases were sent again only if the commit that marks them as sent was rolled back.
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

  test("if reap is killed in a transaction, the transaction's work is done completely or not at all", async () => {
    const { sql } = kill.world.database;
    const slabs = await damagedSlabs(kill, 3);
    const [crashed, unsent, told] = slabs.map(({ id }) => String(id)) as [string, string, string];
    await leaveWorkForReap(kill, slabs);
    // The open circuit breaker is due to close. The repair of one slab has crashed twice before, so its crash now is
    // the third. One other slab was repaired.
    await sql`update slabmend.fleet set breaker_open = true, backoff_ms = 1000, backoff_from = now() - interval '1 hour',
      backoff_until = now() - interval '1 hour'`;
    await sql`insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
      select gen_random_uuid(), ${told}, digest, 'repaired', 'repaired', 'w', now(), now(), now() from slabs where id = ${told}`;
    await sql`insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, crashes, next_repair_attempt)
      select id, digest, 'crashed', now(), 2, next_repair_attempt from slabs where id = ${crashed}`;
    const done = async () => {
      const [row] = await sql`
        select not breaker_open as closed,
          exists (select from slabmend.repairs where slab_id = ${crashed} and quarantined_until > now()) as quarantined,
          not exists (select from slabmend.leases where slab_id = ${crashed}) as ended,
          exists (select from slabmend.journal where slab_id = ${crashed} and outcome = 'crashed') as noted,
          not exists (select from slabmend.moved) as told,
          (select bool_or(e.updated_at is null or e.updated_at > now() - interval '1 hour') from object_events e
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
      ["update on slabmend.fleet", ["closed"]],
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
    // The letter that was not stored is still in the queue and can be received again.
    expect(await kill.queueServer.count(kill.queues.deadLetters)).toEqual({ visible: 0, inFlight: 1 });
    await kill.finish();
    const rest = await done();
    expect(rest).toMatchObject({
      closed: true,
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
