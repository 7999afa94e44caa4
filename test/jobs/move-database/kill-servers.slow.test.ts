/**
 * A PostgreSQL server crashes during a move and recovers. Then the move continues until the target equals the source,
 * or is aborted completely.
 */
import postgres, { type Sql } from "postgres";
import { expect, test } from "vitest";
import { type MoveWorld, PG_DUMP, tracesOf, UNTOUCHED, useMoveWorld } from "../../support/move-world.ts";
import { until } from "../../support/until.ts";

const context = useMoveWorld();
const skip = PG_DUMP === undefined;
const SIDES = ["source", "target"] as const;
type Side = (typeof SIDES)[number];

/** Hashes of all rows of slabs, sectors and hosts, so that the test does not depend on the switch's own comparison. */
async function contentsOf(sql: Sql): Promise<object> {
  const [row] = await sql`
    select (select md5(string_agg(s::text, ',' order by s.id)) from public.slabs s) as slabs,
      (select md5(string_agg(s::text, ',' order by s.id)) from public.sectors s) as sectors,
      (select md5(string_agg(h::text, ',' order by h.id)) from public.hosts h) as hosts`;
  return row!;
}

/**
 * Locks the target's table `hosts`, so that replication can neither copy nor change this table. The lock lasts until
 * the returned function is called or the target crashes.
 */
async function holdHosts({ environment }: MoveWorld): Promise<() => Promise<void>> {
  const holder = postgres(environment["SLABMEND_TARGET_DATABASE_URL"]!, { max: 1, onnotice: () => {} });
  const session = await holder.reserve();
  await session`begin`;
  // This lock mode does not block CREATE SUBSCRIPTION.
  await session`lock table public.hosts in share mode`;
  return () => holder.end({ timeout: 0 });
}

/** Waits until the lock of `holdHosts` stops a replication worker. */
async function untilHeldUp({ target }: MoveWorld): Promise<void> {
  await until(async () => {
    const waiting = await target`
      select from pg_locks l join pg_stat_activity a using (pid)
      where not l.granted and l.relation = 'public.hosts'::regclass and a.backend_type ~ '^logical replication (tablesync|apply) worker'`;
    return waiting.length > 0;
  });
}

/** Crashes the server while the table `hosts` is copied, waits until `start` gives up, and lets the server recover. */
async function crashWhileCopying(world: MoveWorld, side: Side): Promise<void> {
  await world.killAt("ready", "schema loaded");
  const release = await holdHosts(world);
  const starting = world.move("start");
  await untilHeldUp(world);
  await world.crash(side);
  const started = await starting;
  expect([started.code, started.error?.code]).toEqual([4, "database-unreachable"]);
  await world.recover(side);
  await release();
}

async function expectMoved(world: MoveWorld): Promise<void> {
  await world.store(3);
  await until(async () => (await world.move("status")).code === 0);
  const switched = await world.move("switch", "--yes");
  expect([switched.code, switched.err, switched.report.run?.step]).toEqual([0, "", "opened"]);
  await expectOpened(world);
}

async function expectOpened(world: MoveWorld): Promise<void> {
  expect(await world.openSides()).toBe("target");
  expect(await contentsOf(world.target)).toEqual(await contentsOf(world.source));
  expect(await world.target`select mode from slabmend.fleet`).toEqual([{ mode: "running" }]);
  expect(await world.target`select incarnation from slabmend.journal_head`).toEqual([{ incarnation: 2 }]);
  expect((await world.move("finish")).report.run?.state).toBe("done");
  expect([await tracesOf(world.source), await tracesOf(world.target)]).toEqual([[], []]);
}

async function expectAborted(world: MoveWorld): Promise<void> {
  const aborted = await world.move("abort", "--yes");
  expect([aborted.code, aborted.err, aborted.report.run?.state]).toEqual([0, "", "cancelled"]);
  expect(await world.openSides()).toBe("source");
  expect(await world.footprint()).toEqual(UNTOUCHED);
}

test.skipIf(skip).each(SIDES)(
  "after a crash of the %s during the copy start continues, and all rows arrive",
  async (side) => {
    const { world } = context;
    await crashWhileCopying(world, side);
    const started = await world.move("start");
    expect([started.code, started.err, started.report.run?.step]).toEqual([0, "", "ready"]);
    await expectMoved(world);
  },
);

test.skipIf(skip).each(SIDES)(
  "after a crash of the %s during the copy abort leaves nothing behind",
  async (side) => {
    const { world } = context;
    await crashWhileCopying(world, side);
    await expectAborted(world);
  },
);

test.skipIf(skip).each(SIDES)(
  "after a crash of the %s with a lagging target it catches up, and the switch finds both equal",
  async (side) => {
    const { world } = context;
    expect((await world.move("start")).code).toBe(0);
    const release = await holdHosts(world);
    await world.source`update public.hosts set scans = scans + 1`;
    await untilHeldUp(world);
    await world.store(3);
    await world.crash(side);
    const status = await world.move("status");
    expect([status.code, status.error?.code]).toEqual([4, "database-unreachable"]);
    await world.recover(side);
    await release();
    await expectMoved(world);
  },
);

test.skipIf(skip).each(["copied", "closed", "detached"])(
  "after a permanent loss of the target at '%s' abort --without-target opens and cleans the source",
  async (step) => {
    const { world } = context;
    if (step !== "copied") expect((await world.move("start")).code).toBe(0);
    const said = await world.crashAt(step === "copied" ? "ready" : "opened", step, "target");
    const refused = await world.move("abort", "--yes");
    expect([refused.code, refused.error?.code]).toEqual([4, "database-unreachable"]);
    expect(refused.error?.message, said).toContain("the target's database");
    const aborted = await world.move("abort", "--yes", "--without-target");
    expect([aborted.code, aborted.report.run?.state]).toEqual([0, "cancelled"]);
    expect(await world.openSides()).toBe("source");
    expect(await world.source`select mode from slabmend.fleet`).toEqual([{ mode: "running" }]);
    expect(await tracesOf(world.source)).toEqual([]);
    await world.recover("target");
    // The roles are still locked in the target, so the next move to this target would lock indexd out of both servers.
    const { findings } = (await world.move("plan")).report;
    expect(findings?.map(({ code }) => code)).toContain("roles-locked");
  },
);

const CRASHES = ["fleet stopped", "closed", "caught up", "compared", "detached", "opened"].flatMap((step) =>
  SIDES.map((side) => [step, side] as const),
);

test.skipIf(skip).each(CRASHES)(
  "after a crash at '%s' of the %s during the switch both sides are never open, and switch completes",
  async (step, side) => {
    const { world } = context;
    expect((await world.move("start")).code).toBe(0);
    const said = await world.crashAt("opened", step, side);
    await world.recover(side);
    expect(["", "source", "target"], said).toContain(await world.openSides());
    const switched = await world.move("switch", "--yes");
    expect([switched.code, switched.err, switched.report.run?.step], said).toEqual([0, "", "opened"]);
    await expectOpened(world);
  },
);

test.skipIf(skip).each([
  ["closed", "source"],
  ["detached", "target"],
] as const)(
  "at '%s' a crash of the %s makes the command say that the source may be closed",
  async (step, side) => {
    const { world } = context;
    expect((await world.move("start")).code).toBe(0);
    expect(await world.crashAt("opened", step, side)).toContain("the source may be closed");
    await world.recover(side);
    const status = await world.move("status");
    expect([status.code, status.report.alarms.join()]).toEqual([6, expect.stringContaining("interrupted")]);
  },
);

test.skipIf(skip).each(CRASHES.filter(([step]) => step === "closed" || step === "detached"))(
  "after a crash at '%s' of the %s during the switch abort restores the source",
  async (step, side) => {
    const { world } = context;
    expect((await world.move("start")).code).toBe(0);
    await world.crashAt("opened", step, side);
    await world.recover(side);
    await expectAborted(world);
  },
);
