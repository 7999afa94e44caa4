/** SIGKILL after each named step of a repair, and while its commit is under way; the next runs finish. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createKillWorld, type KillWorld } from "../support/kill-world.ts";
import { untilEqual } from "../support/processes.ts";
import type { StoredSlab } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 12 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

/** One sector is lost, one is on a blocked host that still serves: every step of a repair is passed. */
async function damagedSlab(): Promise<StoredSlab> {
  const slab = await kill.world.storeSlab({ minShards: 2, totalShards: 4 });
  await kill.world.loseSector(slab, 0);
  await blockHost(kill.world.database.sql, slab.hosts[1]!.row.hostKey);
  return slab;
}

const beforeTheCommit = [
  ["begun", 1],
  ["planned", 1],
  ["fetched-one", 1],
  ["rebuilt-one", 1],
  ["stored-one", 1],
  ["stored-one", 2],
  ["stored", 1],
] as const;

test.each(beforeTheCommit)(
  "killed at %s, time %i: the slab is repaired by another worker",
  async (step, occurrence) => {
    const slab = await damagedSlab();
    const victim = await kill.startVictim("repair", { step, occurrence });
    const task = await kill.world.lease(slab);
    expect(await victim.invoke(kill.eventOf(task))).toMatchObject({ how: "crashed" });
    expect((await victim.steps()).at(-1)).toBe(step);
    expect(await kill.finish()).toEqual(["crashed", "repaired"]);
    expect(await kill.violations([slab])).toEqual([]);
  },
);

test("killed when the commit was on its way: it happened whole or not at all", async () => {
  const slab = await damagedSlab();
  const victim = await kill.startVictim("repair", { step: "commit-sent" });
  const task = await kill.world.lease(slab);
  expect(await victim.invoke(kill.eventOf(task))).toMatchObject({ how: "crashed" });
  const outcomes = await kill.finish();
  // Which of the two depends on whether the statement had left the process.
  const [row] = await kill.world.database.sql`
    select outcome from slabmend.journal where token = ${task.token}`;
  expect(row!["outcome"]).toBeOneOf(["crashed", "repaired"]);
  if (row!["outcome"] === "crashed") expect(outcomes).toEqual(["crashed", "repaired"]);
  expect(await kill.violations([slab])).toEqual([]);
});

test.each(["committed", "events-bumped"])("killed at %s: nothing is left but the events", async (step) => {
  const slab = await damagedSlab();
  const victim = await kill.startVictim("repair", { step });
  const task = await kill.world.lease(slab);
  expect(await victim.invoke(kill.eventOf(task))).toMatchObject({ how: "crashed" });
  const [row] = await kill.world.database.sql`
    select outcome from slabmend.journal where token = ${task.token}`;
  expect(row).toMatchObject({ outcome: "repaired" });
  expect(await kill.finish()).toEqual([]);
  expect(await kill.violations([slab])).toEqual([]);
});

describe("killed between the commit's sending and its answer", () => {
  /** Holds the slab's row, so that the commit waits in the server while its worker is killed. */
  async function killWhileCommitWaits(then: "commits" | "is cancelled"): Promise<StoredSlab> {
    const { sql } = kill.world.database;
    const slab = await damagedSlab();
    const task = await kill.world.lease(slab);
    // Stopped, not killed, at the last step before; so the row can be locked in between.
    const victim = await kill.startVictim("repair", { step: "stored", signal: "SIGSTOP" });
    const crashed = victim.invoke(kill.eventOf(task));
    await victim.whenStopped();
    const locked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const holding = sql.begin(async (tx) => {
      await tx`select from slabs where id = ${String(slab.id)} for update`;
      locked.resolve();
      await release.promise;
    });
    await locked.promise;
    victim.signal("SIGCONT");
    const waiting = async (): Promise<number[]> => {
      const rows = await sql<{ pid: number }[]>`
        select pid from pg_stat_activity
        where datname = current_database() and query like '%commit_repair%' and wait_event_type = 'Lock'`;
      return rows.map(({ pid }) => pid);
    };
    await untilEqual(async () => (await waiting()).length, 1);
    const [pid] = await waiting();
    victim.signal("SIGKILL");
    expect(await crashed).toMatchObject({ how: "crashed" });
    if (then === "is cancelled") await sql`select pg_terminate_backend(${pid!})`;
    release.resolve();
    await holding;
    const gone = async (): Promise<boolean> => {
      const rows = await sql`select from pg_stat_activity where pid = ${pid!}`;
      return rows.length === 0;
    };
    await untilEqual(gone, true);
    return slab;
  }

  test("the server commits all the same, and the journal tells", async () => {
    const slab = await killWhileCommitWaits("commits");
    expect(await kill.finish()).toEqual([]);
    expect(await kill.violations([slab])).toEqual([]);
  });

  test("the server loses it too, and the repair is done again", async () => {
    const slab = await killWhileCommitWaits("is cancelled");
    expect(await kill.finish()).toEqual(["crashed", "repaired"]);
    expect(await kill.violations([slab])).toEqual([]);
  });
});
