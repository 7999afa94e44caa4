/**
 * The start of a move is killed at each step. Then the move continues, or is aborted and leaves nothing on either
 * server.
 */
import { expect, test } from "vitest";
import { PG_DUMP, UNTOUCHED, useMoveWorld } from "../../support/move-world.ts";

const context = useMoveWorld();
const STEPS = ["roles made", "dumped", "schema loaded", "published", "subscribed", "copied"];

test.skipIf(PG_DUMP === undefined).each(STEPS)(
  "after a kill at '%s' start continues, and abort leaves nothing behind",
  async (step) => {
    const { world } = context;
    expect(await world.footprint()).toEqual(UNTOUCHED);
    await world.killAt("ready", step);
    const started = await world.move("start");
    expect([started.code, started.err, started.report.run?.step]).toEqual([0, "", "ready"]);
    expect(await world.target`select count(*)::integer as n from public.slabs`).toEqual([{ n: 5 }]);
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.err, aborted.report.run?.state]).toEqual([0, "", "cancelled"]);
    expect(await world.footprint()).toEqual(UNTOUCHED);
  },
);

test.skipIf(PG_DUMP === undefined).each(STEPS)(
  "after a kill at '%s' abort leaves nothing behind, and start works again",
  async (step) => {
    const { world } = context;
    await world.killAt("ready", step);
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.err, aborted.report.run?.state]).toEqual([0, "", "cancelled"]);
    expect(await world.footprint()).toEqual(UNTOUCHED);
    const again = await world.move("start");
    expect([again.code, again.report.run?.step]).toEqual([0, "ready"]);
  },
);
