import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { readFleetMode, resumeLeasing, stopLeasing } from "../../lib/database/fleet/fleet-mode.ts";
import { takeUnsent } from "../../lib/database/leases/unsent-leases.ts";
import { useDatabase } from "../support/database.ts";

const database = useDatabase();
beforeEach(async () => {
  await database.sql`
    update slabmend.fleet set mode = 'running', mode_owner = null, mode_reason = null, mode_since = null`;
});

describe("the fleet's mode", () => {
  test("a pause is read with owner, reason and start, and maintenance that starts later does not replace the pause", async () => {
    expect(await readFleetMode(database.sql)).toEqual({ kind: "running" });
    expect(await stopLeasing(database.sql, { kind: "paused", owner: "ann@host", reason: "upgrade" })).toBe(
      true,
    );
    expect(await stopLeasing(database.sql, { kind: "maintenance", owner: "run 7" })).toBe(false);
    expect(await readFleetMode(database.sql)).toEqual({
      kind: "paused",
      owner: "ann@host",
      reason: "upgrade",
      since: expect.any(Date),
    });
  });

  test("resuming from a pause does not end a maintenance", async () => {
    await stopLeasing(database.sql, { kind: "maintenance", owner: "run 7" });
    expect(await resumeLeasing(database.sql, "paused")).toBe(false);
    expect(await readFleetMode(database.sql)).toMatchObject({ kind: "maintenance", owner: "run 7" });
    expect(await resumeLeasing(database.sql, "maintenance")).toBe(true);
    expect(await readFleetMode(database.sql)).toEqual({ kind: "running" });
  });

  test.each(["paused", "maintenance"] as const)(
    "in mode %s no unsent lease is taken for sending",
    async (kind) => {
      await database.sql`delete from slabmend.leases`;
      await database.sql`
      insert into slabmend.leases (slab_id, digest, token, leased_at, held_until, sending_since, expires_at, margin)
      values (1, ${Buffer.alloc(32)}, ${randomUUID()}, now(), now(), now() - interval '1 hour', now() + interval '1 hour', 0)`;
      const options = { afterMs: 1_000, limit: 10 };
      await stopLeasing(database.sql, { kind, owner: "test" });
      expect(await takeUnsent(database.sql, options)).toEqual([]);
      await resumeLeasing(database.sql, kind);
      expect(await takeUnsent(database.sql, options)).toHaveLength(1);
    },
  );
});
