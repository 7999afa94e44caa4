/** SIGKILL of claim after each step of its walk, and in the COMMIT of a page; the next run continues from there. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { CAUSES } from "../../lib/jobs/backlog/causes.ts";
import type { WalkStep } from "../../lib/jobs/backlog/walk.ts";
import { walk, walkSettings } from "../jobs/backlog/backlog-fixture.ts";
import { clearDatabase } from "../support/database.ts";
import { FATES, killInCommit } from "../support/kill-in-commit.ts";
import { WALK_STEPS } from "../support/kill-steps.ts";
import { createKillWorld, type KillWorld } from "../support/kill-world.ts";
import { blockHost, LOST, placeOn, type SeededSlab, seedSlabs } from "../support/seed-indexd.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 8, settings: SETTINGS });
});
afterAll(() => kill.stop());
afterEach(() => clearDatabase(kill.world.database.sql));
beforeEach(() => kill.reset());

/** Small pages, and no second pass in the same hour. */
const SETTINGS = { pageSectors: 2, walkEveryMs: 3_600_000 };

/**
 * Completes one pass. Then makes some slabs healthy and others unhealthy, and one backlog entry due for a new
 * judgement, so that the next pass has work at every step. No slab can be leased, because all look as if indexd had
 * just claimed them.
 */
async function secondPassIsDue(): Promise<void> {
  const { sql } = kill.world.database;
  const hosts = kill.world.hosts.map(({ row }) => row);
  const [lost, , contract] = await Promise.all(
    [
      Array.from({ length: 7 }, () => ({ sectors: [LOST, ...placeOn(hosts.slice(0, 3))] })),
      Array.from({ length: 3 }, () => ({
        sectors: [{ hostId: hosts[7]!.id, mapId: null }, ...placeOn(hosts.slice(0, 3))],
      })),
      Array.from({ length: 3 }, () => ({ sectors: placeOn([hosts[6]!, ...hosts.slice(0, 3)]) })),
    ].map((slabs) => seedSlabs(sql, { minShards: 2, slabs })),
  );
  await sql`update slabs set next_repair_attempt = now() + interval '2 hours'`;
  await sql`update hosts set unpinned_sectors = 3 where id = ${hosts[7]!.id}`;
  await sql`update contracts set good = false where host_id = ${hosts[6]!.id}`;
  await walk(sql, walkSettings({ pageSectors: 2 }));
  await heal(lost!.slice(0, 3));
  await heal(contract!.slice(0, 1));
  await blockHost(sql, hosts[7]!.hostKey);
  await seedSlabs(sql, { minShards: 2, slabs: [{ sectors: [LOST, LOST, ...placeOn(hosts.slice(0, 3))] }] });
  await sql`update slabs set next_repair_attempt = now() + interval '2 hours'`;
  await sql`update slabmend.walks set pass_started_at = pass_started_at - interval '2 hours'`;
  await sql`update slabmend.backlog set look_at = now() where slab_id = ${String(lost![5]!.id)}`;
}

/** Makes slabs healthy, as if others had repaired them. */
async function heal(slabs: readonly SeededSlab[]): Promise<void> {
  const [, , , , fifth] = kill.world.hosts;
  await kill.world.database.sql`
    update sectors set host_id = ${fifth!.row.id}, contract_sectors_map_id = ${fifth!.row.contract!.mapId}
    where id in ${kill.world.database.sql(slabs.map(({ sectors }) => String(sectors[0]!.id)))}`;
}

/**
 * For each cause: the walk's position, the entries that are missing up to this position, and the entries beyond this
 * position that are already marked as seen.
 */
async function standing() {
  const rows = await kill.world.database.sql<
    {
      cause: string;
      pass: string;
      phase: string;
      position: string;
      missing: string[];
      early: string[];
    }[]
  >`
    with bad as (
      select x.cause, s.id as sector_id, ss.slab_id
      from sectors s
      join slab_sectors ss on ss.sector_id = s.id
      cross join lateral (
        select 'lost' as cause where s.host_id is null
        union all select m.reason from slabmend.sectors_to_move(array[ss.slab_id]) m where m.sector_id = s.id and s.host_id is not null
      ) x
    ), passed as (
      select b.cause, b.slab_id, bool_or(w.phase = 'sweep' or b.sector_id <= w.position) as is_passed
      from bad b join slabmend.walks w on w.cause = b.cause
      group by b.cause, b.slab_id
    )
    select w.cause, w.pass::text, w.phase, w.position::text,
      to_jsonb(array(select p.slab_id::text from passed p where p.cause = w.cause and p.is_passed and not exists (
        select from slabmend.marks g join slabmend.backlog b on b.slab_id = g.slab_id
        where g.cause = w.cause and g.slab_id = p.slab_id and g.pass = w.pass))) as missing,
      to_jsonb(array(select g.slab_id::text from slabmend.marks g join passed p on p.cause = g.cause and p.slab_id = g.slab_id
        where g.cause = w.cause and g.pass = w.pass and not p.is_passed)) as early
    from slabmend.walks w order by w.cause`;
  return [...rows];
}

/** The columns that do not depend on when an entry was written. */
const backlog = async () =>
  (
    await kill.world.database.sql`
    select slab_id::text, urgency, loss, margin, causes, ready from slabmend.backlog order by slab_id`
  ).map((row) => ({ ...row }));

/** Returns the backlog that a walk from the beginning makes in the same database. */
async function freshBacklog(): Promise<unknown[]> {
  const { sql } = kill.world.database;
  await sql`truncate slabmend.backlog, slabmend.marks, slabmend.walks`;
  await walk(sql);
  return await backlog();
}

/** Returns the steps of an undisturbed run, after which the database is reset. */
async function undisturbedSteps(): Promise<string[]> {
  await secondPassIsDue();
  const claim = await kill.startVictim("claim");
  await claim.invoke({});
  await clearDatabase(kill.world.database.sql);
  return await claim.steps();
}

let expectedSteps: string[];
beforeAll(async () => {
  expectedSteps = await undisturbedSteps();
});

/** Checks that everything up to each walk's position is recorded, and nothing beyond it. */
async function nothingIsHalfRecorded(): Promise<void> {
  const walks = await standing();
  expect(walks.map(({ missing, early }) => ({ missing, early }))).toEqual(
    walks.map(() => ({ missing: [], early: [] })),
  );
}

/**
 * The steps of pages only. The end of a pass is left out, because the statement of the last page also ends the pass. So
 * a killed run may have ended a pass without recording the step `pass-finished`.
 */
const pages = (steps: readonly string[]) => steps.filter((step) => step.endsWith("-page")).sort();

/**
 * Checks that the next run does only the remaining work, and that then the backlog equals that of a walk from the
 * beginning.
 */
async function nextRunCompletes(
  worker: Awaited<ReturnType<KillWorld["startVictim"]>>,
  doneUnnoted: readonly string[] = [],
): Promise<void> {
  expect(await worker.invoke({})).toMatchObject({ kind: "succeeded" });
  expect(pages([...(await worker.steps()), ...doneUnnoted])).toEqual(pages(expectedSteps));
  expect(await standing()).toEqual(
    [...CAUSES].sort().map((cause) => ({
      cause,
      pass: "3",
      phase: "mark",
      position: "0",
      missing: [],
      early: [],
    })),
  );
  const rows = await backlog();
  expect(rows).toHaveLength(4 + 3 + 2 + 1);
  expect(rows).toEqual(await freshBacklog());
}

/** For each step, the occurrences after which claim is killed: the first, and a late one if the step occurs often. */
const occurrences: Readonly<Record<WalkStep, readonly number[]>> = {
  looked: [1],
  "marked-page": [1, 4],
  "swept-page": [1, 3],
  "pass-finished": [1, 3],
};
const places = WALK_STEPS.flatMap((step) => occurrences[step].map((time) => [step, time] as const));

test.each(places)(
  "after a kill of claim at step %s, occurrence %i, of its walk, the next run completes the backlog",
  async (step, occurrence) => {
    await secondPassIsDue();
    const worker = await kill.startVictim("claim", { step, occurrence });
    expect(await worker.invoke({})).toMatchObject({ how: "crashed" });
    expect((await worker.steps()).at(-1)).toBe(step);
    await nothingIsHalfRecorded();
    await nextRunCompletes(worker);
  },
);

test.each(FATES)(
  "after a kill of claim while the COMMIT of a page waits, the next run completes the backlog: %s",
  async (fate) => {
    await secondPassIsDue();
    const walkOfLost = async () => (await standing()).find(({ cause }) => cause === "lost");
    const before = await walkOfLost();
    const worker = await kill.startVictim("claim");
    const page = { write: "update on slabmend.walks", when: "new.cause = 'lost'" };
    await killInCommit(kill.world.database.sql, worker, {}, page, fate);
    const after = await walkOfLost();
    const isLost = fate === "the server rolls back";
    if (isLost) expect(after).toEqual(before);
    else expect(Number(after!.position)).toBeGreaterThan(0);
    await nothingIsHalfRecorded();
    await nextRunCompletes(worker, isLost ? [] : ["marked-page"]);
  },
);
