/**
 * A process of a move is paused, as by Ctrl+Z or a suspended machine, until its lease has ended and another process has
 * taken the move over. When the paused process goes on, it must change nothing.
 */
import { beforeEach, expect, test } from "vitest";
import { type MoveWorld, PG_DUMP, UNTOUCHED, useMoveWorld } from "../../support/move-world.ts";

const context = useMoveWorld();
let world: MoveWorld;
beforeEach(() => {
  world = context.world;
});

const skip = PG_DUMP === undefined;
const LOST = "another process has the lease";

async function start(): Promise<void> {
  const started = await world.move("start");
  expect([started.code, started.err]).toEqual([0, ""]);
}

test.skipIf(skip)(
  "a process that was paused before opening the target does not open it after another process reverted the switch",
  async () => {
    await start();
    const resume = await world.pauseAt("opened", "opening");
    await world.target`update public.hosts set scans = 99`;
    const switched = await world.move("switch", "--yes");
    expect([switched.code, switched.error?.code]).toEqual([5, "contents-differ"]);
    expect(await world.openSides()).toBe("source");
    expect(await resume()).toContain(LOST);
    expect(await world.openSides()).toBe("source");
    await world.source`update public.hosts set scans = 3`;
    const again = await world.move("switch", "--yes");
    expect([again.code, again.err, again.report.run?.step]).toEqual([0, "", "opened"]);
    expect(await world.openSides()).toBe("target");
  },
);

test.skipIf(skip)(
  "a process that was paused before setting the sequences does not reset them after another process opened the target",
  async () => {
    await start();
    const resume = await world.pauseAt("opened", "sequences read");
    expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
    const next = async () => {
      const [row] = await world.target`select nextval('public.slabs_id_seq')::integer as id`;
      return row?.["id"] as number;
    };
    const given = await next();
    expect(await resume()).toContain(LOST);
    expect(await next()).toBe(given + 1);
    expect(await world.openSides()).toBe("target");
  },
);

test.skipIf(skip).each(["stopping", "closing"])(
  "a process that was paused at '%s' leaves the source open after another process aborted the move",
  async (step) => {
    await start();
    const resume = await world.pauseAt("opened", step);
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.err, aborted.report.run?.state]).toEqual([0, "", "cancelled"]);
    expect(await resume()).toContain(LOST);
    expect(await world.openSides()).toBe("source");
    expect(await world.footprint()).toEqual(UNTOUCHED);
  },
);

test.skipIf(skip)(
  "a process that was paused before publishing the source leaves no slot after another process aborted the move",
  async () => {
    const resume = await world.pauseAt("ready", "publishing");
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.err, aborted.report.run?.state]).toEqual([0, "", "cancelled"]);
    expect(await resume()).toContain(LOST);
    expect(await world.footprint()).toEqual(UNTOUCHED);
  },
);

test.skipIf(skip)(
  "a process that was paused while it aborts a move does not empty the target of the next move",
  async () => {
    await start();
    // Pretends that the roles had existed in the target before the move. Otherwise the abort would fail when it drops
    // the roles, because they own the target's database by then.
    await world.source`
      update slabmend.runs set state = 'cancelling', scope = jsonb_set(scope, '{createdRoles}', '[]')`;
    const resume = await world.pauseAt("ready", "publication dropped");
    expect((await world.move("abort", "--yes")).report.run?.state).toBe("cancelled");
    await world.target.unsafe("alter role indexd login; alter role slabmend login");
    await start();
    expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
    expect((await world.move("finish")).report.run?.state).toBe("done");
    await resume();
    expect(await world.target`select count(*)::integer as n from public.slabs`).toEqual([{ n: 5 }]);
  },
);
