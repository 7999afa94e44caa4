/**
 * The switch is killed at each step, or is started too early. Then the move continues until the target is open, or goes
 * back to the unchanged source.
 */
import { beforeEach, expect, test } from "vitest";
import { type MoveWorld, PG_DUMP, tracesOf, UNTOUCHED, useMoveWorld } from "../../support/move-world.ts";
import { until } from "../../support/until.ts";

const context = useMoveWorld();
let world: MoveWorld;
beforeEach(async () => {
  world = context.world;
  const started = await world.move("start");
  expect([started.code, started.err]).toEqual([0, ""]);
});

const BEFORE_OPENING = [
  "fleet stopped",
  "closed",
  "caught up",
  "sequences set",
  "compared",
  "detached",
  "opening",
];

const mode = async (sql: MoveWorld["source"]) => (await sql`select mode from slabmend.fleet`)[0]?.["mode"];

test.skipIf(PG_DUMP === undefined).each([...BEFORE_OPENING, "opened"])(
  "after a kill at '%s' the two sides are never both open, an alarm is shown, and switch completes",
  async (step) => {
    await world.killAt("opened", step);
    expect(["", "source", "target"]).toContain(await world.openSides());
    const status = await world.move("status");
    expect([status.code, status.report.alarms.join()]).toEqual([6, expect.stringContaining("interrupted")]);
    const switched = await world.move("switch", "--yes");
    expect([switched.code, switched.err, switched.report.run?.step]).toEqual([0, "", "opened"]);
    expect(await world.openSides()).toBe("target");
    expect(await mode(world.target)).toBe("running");
    expect(await world.target`select incarnation from slabmend.journal_head`).toEqual([{ incarnation: 2 }]);
    expect((await world.move("finish")).report.run?.state).toBe("done");
    expect([await tracesOf(world.source), await tracesOf(world.target)]).toEqual([[], []]);
  },
);

test.skipIf(PG_DUMP === undefined).each(BEFORE_OPENING)(
  "after a kill at '%s' abort restores the source and leaves nothing behind",
  async (step) => {
    await world.killAt("opened", step);
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.err, aborted.report.run?.state]).toEqual([0, "", "cancelled"]);
    expect(await world.openSides()).toBe("source");
    expect(await world.footprint()).toEqual(UNTOUCHED);
  },
);

test.skipIf(PG_DUMP === undefined).each(["subscription dropped", "publication dropped"])(
  "finish continues after a kill at '%s'",
  async (step) => {
    await world.move("switch", "--yes");
    await world.killAt("finished", step);
    const finished = await world.move("finish");
    expect([finished.code, finished.err, finished.report.run?.state]).toEqual([0, "", "done"]);
    expect([await tracesOf(world.source), await tracesOf(world.target)]).toEqual([[], []]);
    expect(await world.openSides()).toBe("target");
  },
);

test.skipIf(PG_DUMP === undefined)(
  "abort is refused if the switch was killed after it had opened the target",
  async () => {
    await world.killAt("opened", "opened");
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.error?.code]).toEqual([5, "move-state"]);
    expect(await world.openSides()).toBe("target");
  },
);

test.skipIf(PG_DUMP === undefined)(
  "if a switch opened the target just before an abort was recorded, the move can only be finished, not aborted",
  async () => {
    await world.killAt("opened", "opened");
    await world.source`update slabmend.runs set state = 'cancelling'`;
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.error?.code]).toEqual([5, "move-state"]);
    const finished = await world.move("finish");
    expect([finished.code, finished.err, finished.report.run?.state]).toEqual([0, "", "done"]);
    expect([await tracesOf(world.source), await tracesOf(world.target)]).toEqual([[], []]);
  },
);

test.skipIf(PG_DUMP === undefined).each([
  ["opened", "opened"],
  ["opening", "opening"],
])(
  "an open target that has forgotten the run, with step %s on the source, is never emptied, and finish works",
  async (_step, step) => {
    if (step === "opening") await world.killAt("opened", "opened");
    else expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
    // Pretends that the roles had existed in the target before the move. Otherwise the abort would fail when it drops
    // the roles, because they own the target's database now.
    await world.source`update slabmend.runs set scope = jsonb_set(scope, '{createdRoles}', '[]')`;
    // reap deletes these rows after 90 days.
    await world.target`delete from slabmend.runs`;
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.error?.code]).toEqual([5, "move-state"]);
    expect(await world.target`select count(*)::integer as n from public.slabs`).toEqual([{ n: 5 }]);
    const finished = await world.move("finish");
    expect([finished.code, finished.err, finished.report.run?.state]).toEqual([0, "", "done"]);
    expect(await world.openSides()).toBe("target");
  },
);

test.skipIf(PG_DUMP === undefined)(
  "a switch to a target that is far behind is refused before anything is stopped",
  async () => {
    // A lock blocks the replication worker.
    const holder = await world.target.reserve();
    try {
      await holder`begin`;
      await holder`lock table public.hosts`;
      await world.source`update public.hosts set scans = scans + 1`;
      await world.source`select pg_logical_emit_message(false, 'test', repeat('x', 1000000)) from generate_series(1, 80)`;
      const switched = await world.move("switch", "--yes");
      expect([switched.code, switched.error?.code]).toEqual([5, "behind"]);
      expect([await world.openSides(), await mode(world.source)]).toEqual(["source", "running"]);
    } finally {
      await holder`rollback`;
      holder.release();
    }
    await until(
      async () => Number((await world.move("status")).report.replication?.["lagBytes"]) < 1_000_000,
    );
    expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
  },
);
