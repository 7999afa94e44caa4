/** SIGKILL after each named step of a repair, and during its commit; the next runs finish the work. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { FATES, killInCommit } from "../support/kill-in-commit.ts";
import { createKillWorld, type KillWorld } from "../support/kill-world.ts";
import type { StoredSlab } from "../support/repair-world.ts";
import { blockHost } from "../support/seed-indexd.ts";
import { until } from "../support/until.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 12 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

/** One sector is lost, one is on a blocked host that still serves, so every step of a repair occurs. */
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
  "after a kill at step %s, occurrence %i, another worker repairs the slab",
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

test("if a worker is killed after an upload, the next worker finds the stored shard, and uploads no shard twice", async () => {
  const { sql } = kill.world.database;
  const slab = await damagedSlab();
  const victim = await kill.startVictim("repair");
  // Of the two hosts that can take a shard, one stores it; the other is so slow that the repair does not reach its
  // commit. The host of the lost sector is no holder: it may take another sector of the slab.
  const holders = new Set(slab.hosts.slice(1).map(({ row }) => row.id));
  const [, slow, ...others] = kill.world.hosts.filter(({ row }) => !holders.has(row.id));
  await slow!.swarm.setSwitches({ bytesPerSecond: 50_000 });
  for (const { swarm } of others) await swarm.setSwitches({ full: true });
  const invoked = victim.invoke(kill.eventOf(await kill.world.lease(slab)));
  await until(async () => (await sql`select from slabmend.uploads`).length > 0);
  victim.signal("SIGKILL");
  expect(await invoked).toMatchObject({ how: "crashed" });
  await slow!.swarm.setSwitches({ bytesPerSecond: null });
  for (const { swarm } of others) await swarm.setSwitches({ full: false });
  const [noted] = await sql`select sector_id::text as sector, host_id as host from slabmend.uploads`;
  expect(await kill.finish()).toEqual(["crashed", "repaired"]);
  const [journal] = await sql`
    select moves, bytes_written::integer as written from slabmend.journal order by id desc limit 1`;
  expect(journal!["written"]).toBe(SECTOR_BYTES);
  expect(journal!["moves"].filter(({ how }: { how: string }) => how === "found")).toHaveLength(1);
  const [where] = await sql`select host_id as host from sectors where id = ${noted!["sector"]}`;
  expect(where!["host"]).toBe(noted!["host"]);
  expect((await sql`select from slabmend.uploads`).length).toBe(0);
  expect(await kill.violations([slab])).toEqual([]);
});

test("a commit during which the worker is killed is done completely or not at all", async () => {
  const slab = await damagedSlab();
  const victim = await kill.startVictim("repair", { step: "commit-sent" });
  const task = await kill.world.lease(slab);
  expect(await victim.invoke(kill.eventOf(task))).toMatchObject({ how: "crashed" });
  const outcomes = await kill.finish();
  // Whether the commit completes depends on whether its statement had left the process.
  const [row] = await kill.world.database.sql`
    select outcome from slabmend.journal where token = ${task.token}`;
  expect(row!["outcome"]).toBeOneOf(["crashed", "repaired"]);
  if (row!["outcome"] === "crashed") expect(outcomes).toEqual(["crashed", "repaired"]);
  expect(await kill.violations([slab])).toEqual([]);
});

test.each(["committed", "events-bumped"])(
  "after a kill at step %s the repair is in the journal, its events get a new time, and nothing is repeated",
  async (step) => {
    const slab = await damagedSlab();
    const victim = await kill.startVictim("repair", { step });
    const task = await kill.world.lease(slab);
    expect(await victim.invoke(kill.eventOf(task))).toMatchObject({ how: "crashed" });
    const [row] = await kill.world.database.sql`
    select outcome from slabmend.journal where token = ${task.token}`;
    expect(row).toMatchObject({ outcome: "repaired" });
    expect(await kill.finish()).toEqual([]);
    expect(await kill.violations([slab])).toEqual([]);
  },
);

test.each(FATES)(
  "after a kill in COMMIT the repair is repeated if the COMMIT was rolled back, and not otherwise: %s",
  async (fate) => {
    const { sql } = kill.world.database;
    const slab = await damagedSlab();
    const task = await kill.world.lease(slab);
    const worker = await kill.startVictim("repair");
    await killInCommit(sql, worker, kill.eventOf(task), { write: "insert on slabmend.journal" }, fate);
    const [row] = await sql`select outcome from slabmend.journal where token = ${task.token}`;
    if (fate === "the server still commits") {
      // The journal has the result, and nothing is repeated.
      expect(row).toMatchObject({ outcome: "repaired" });
      expect(await kill.finish()).toEqual([]);
    } else {
      expect(row).toBeUndefined();
      expect(await kill.finish()).toEqual(["crashed", "repaired"]);
    }
    expect(await kill.violations([slab])).toEqual([]);
  },
);
