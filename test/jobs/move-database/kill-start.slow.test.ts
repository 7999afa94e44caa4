/**
 * The start of a move is killed at each step. Then the move continues, or is aborted and leaves nothing on either
 * server.
 */
import postgres from "postgres";
import { expect, test } from "vitest";
import { PG_DUMP, tracesOf, UNTOUCHED, useMoveWorld } from "../../support/move-world.ts";
import { until } from "../../support/until.ts";

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

test.skipIf(PG_DUMP === undefined)(
  "abort removes the slot of a start that was killed while the slot's creation waited for an old transaction",
  async () => {
    const { world } = context;
    const old = await world.source.reserve();
    try {
      await old`begin`;
      await old`select pg_current_xact_id()`;
      const kill = world.startUntilKilled();
      await until(async () => (await tracesOf(world.source)).includes("slot slabmend_move"));
      await kill();
      const aborted = await world.move("abort", "--yes");
      expect([aborted.code, aborted.err, aborted.report.run?.state]).toEqual([0, "", "cancelled"]);
      expect(await world.footprint()).toEqual(UNTOUCHED);
    } finally {
      await old`rollback`;
      old.release();
    }
    const again = await world.move("start");
    expect([again.code, again.err, again.report.run?.step]).toEqual([0, "", "ready"]);
  },
);

test.skipIf(PG_DUMP === undefined)(
  "a start that loses its lease while the server creates the slot leaves no slot",
  async () => {
    const { world } = context;
    const old = await world.source.reserve();
    try {
      await old`begin`;
      await old`select pg_current_xact_id()`;
      const starting = world.move("start");
      await until(async () => (await tracesOf(world.source)).includes("slot slabmend_move"));
      await world.source`
        update slabmend.runs set token = gen_random_uuid(), coordinator = 'other', expires_at = now()`;
      await old`rollback`;
      const started = await starting;
      expect([started.code, started.error?.code]).toEqual([5, "run-lease-lost"]);
    } finally {
      await old`rollback`;
      old.release();
    }
    expect(await tracesOf(world.source)).not.toContain("slot slabmend_move");
    expect((await world.move("abort", "--yes")).report.run?.state).toBe("cancelled");
    expect(await world.footprint()).toEqual(UNTOUCHED);
  },
);

test.skipIf(PG_DUMP === undefined)(
  "a role that owns the target's database is kept out until the switch",
  async () => {
    const { world } = context;
    const url = new URL(world.environment["SLABMEND_TARGET_DATABASE_URL"]!);
    await world.target.unsafe("create role early login password 'early'");
    await world.target.unsafe("alter database indexd owner to early");
    expect((await world.move("start")).code).toBe(0);
    url.username = "early";
    url.password = "early";
    const early = postgres(url.href, { max: 1, onnotice: () => {} });
    await expect(early`select 1`).rejects.toMatchObject({ code: "42501" });
    expect((await world.move("abort", "--yes")).report.run?.state).toBe("cancelled");
    expect(await early`select 1 as one`).toEqual([{ one: 1 }]);
    await early.end();
    await world.target.unsafe("alter database indexd owner to postgres");
  },
);

test.skipIf(PG_DUMP === undefined)("abort leaves the slots of other subscribers alone", async () => {
  const { world } = context;
  expect((await world.move("start")).code).toBe(0);
  // The table synchronization of another subscriber has a slot with a name like the one below. Between two tries of the
  // synchronization nothing uses the slot.
  const name = "pg_16394_sync_16385_7400000000000000000";
  await world.source`select pg_create_logical_replication_slot(${name}, 'pgoutput')`;
  expect((await world.move("abort", "--yes")).report.run?.state).toBe("cancelled");
  expect(await tracesOf(world.source)).toEqual([`slot ${name}`]);
});
