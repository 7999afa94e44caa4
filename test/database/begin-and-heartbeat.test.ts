import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { type BeginResult, beginRepair } from "../../lib/database/leases/begin-repair.ts";
import { extendLease } from "../../lib/database/leases/extend-lease.ts";
import type { LeaseToken } from "../../lib/slab/ids.ts";
import { useDatabase } from "../support/database.ts";
import { LOST, type SeededSlab, seedSlab } from "../support/seed-indexd.ts";
import { leaseByHand } from "./running-lease.ts";

const { sql } = useDatabase();

let slab: SeededSlab;
let token: LeaseToken;
beforeEach(async () => {
  slab = await seedSlab(sql, { minShards: 1, sectors: [LOST] });
  token = await leaseByHand(sql, slab, { running: false });
});

const begin = (rest: object = {}): Promise<BeginResult> =>
  beginRepair(sql, { slabId: slab.id, token, worker: "worker-1", holdMs: 1_020_000, ...rest });

const rows = async () => {
  const [row] = await sql`
    select l.began_at is not null as begun, l.worker, s.next_repair_attempt = l.held_until as held,
      round(extract(epoch from l.held_until - clock_timestamp()) / 60)::int as hold_minutes,
      round(extract(epoch from l.expires_at - clock_timestamp()))::int as expires_in
    from slabs s left join slabmend.leases l on l.slab_id = s.id where s.id = ${String(slab.id)}`;
  return row;
};

describe("begin", () => {
  test("begin marks the lease as begun and extends the hold on the slab", async () => {
    expect(await begin()).toEqual({ kind: "begun", expiresInMs: 120_000, nowMs: expect.any(Number) });
    expect(await rows()).toEqual({
      begun: true,
      worker: "worker-1",
      held: true,
      hold_minutes: 17,
      expires_in: 120,
    });
  });

  test("of many simultaneous deliveries of a message only one begins the repair", async () => {
    const results = await Promise.all(Array.from({ length: 8 }, (_, n) => begin({ worker: `worker-${n}` })));
    expect(results.filter((result) => result.kind === "begun")).toHaveLength(1);
    expect(
      results.filter((result) => result.kind === "stale" && result.why === "already-begun"),
    ).toHaveLength(7);
  });

  test("a repair may begin with an expired lease if reap has not removed the lease yet", async () => {
    await sql`
      update slabmend.leases set expires_at = now() - interval '10 minutes', held_until = now() - interval '10 minutes'
      where token = ${token}`;
    await sql`
      update slabs set next_repair_attempt = (select held_until from slabmend.leases where token = ${token})
      where id = ${String(slab.id)}`;
    expect(await begin()).toMatchObject({ kind: "begun" });
  });

  test("a repair does not begin with a wrong token, and changes nothing", async () => {
    const before = await rows();
    expect(await begin({ token: randomUUID() })).toEqual({ kind: "stale", why: "leased-again" });
    expect(await rows()).toEqual(before);
  });

  test("a repair does not begin without a lease", async () => {
    await sql`delete from slabmend.leases where token = ${token}`;
    expect(await begin()).toEqual({ kind: "stale", why: "no-lease" });
    expect(await begin({ slabId: 999_999_999n })).toEqual({ kind: "stale", why: "no-lease" });
  });

  test("a repair does not begin after indexd has claimed the slab; the lease is removed, indexd's claim stays", async () => {
    await sql`
      update slabs set next_repair_attempt = next_repair_attempt + interval '1 microsecond' where id = ${String(slab.id)}`;
    const [before] = await sql`select next_repair_attempt::text from slabs where id = ${String(slab.id)}`;
    expect(await begin()).toEqual({ kind: "stale", why: "indexd-claimed" });
    expect(await sql`select 1 from slabmend.leases where token = ${token}`).toHaveLength(0);
    expect(await sql`select next_repair_attempt::text from slabs where id = ${String(slab.id)}`).toEqual([
      before,
    ]);
  });

  test("a repair does not begin if indexd claims the slab while the repair waits for the slab's row", async () => {
    let beginning: Promise<BeginResult> | undefined;
    await sql.begin(async (tx) => {
      await tx`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(slab.id)}`;
      beginning = begin();
      for (let waiting = 0; waiting === 0; ) {
        const rows = await tx`
          select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        waiting = rows.length;
      }
    });
    expect(await beginning).toEqual({ kind: "stale", why: "indexd-claimed" });
  });

  test("a repair does not begin for a slab that indexd has deleted", async () => {
    await sql`delete from slabs where id = ${String(slab.id)}`;
    expect(await begin()).toEqual({ kind: "stale", why: "slab-gone" });
    expect(await begin()).toEqual({ kind: "stale", why: "no-lease" });
  });

  test("begin repeats a call whose answer was lost, but a second delivery to the same worker is stale", async () => {
    let lost = false;
    const lossy = new Proxy(sql, {
      async apply(target, _self, args: never[]) {
        const answer = await Reflect.apply(target, undefined, args);
        if (lost) return answer;
        lost = true;
        throw Object.assign(new Error("made up"), { code: "CONNECTION_CLOSED" });
      },
    });
    const request = { slabId: slab.id, token, worker: "worker-1", holdMs: 1_020_000 };
    expect(await beginRepair(lossy, request)).toMatchObject({ kind: "begun" });
    // A second delivery to a worker of the same name is not a repeated call.
    expect(await begin()).toEqual({ kind: "stale", why: "already-begun" });
  });
});

describe("heartbeat", () => {
  test("a heartbeat extends a running lease and does not change indexd's row", async () => {
    await begin();
    await sql`update slabmend.leases set expires_at = clock_timestamp() + interval '5 seconds' where token = ${token}`;
    const [before] = await sql`select next_repair_attempt::text from slabs where id = ${String(slab.id)}`;
    expect(await extendLease(sql, { slabId: slab.id, token })).toBe(true);
    expect(await rows()).toMatchObject({ expires_in: 120, held: true });
    expect(await sql`select next_repair_attempt::text from slabs where id = ${String(slab.id)}`).toEqual([
      before,
    ]);
  });

  test("a heartbeat never revives an expired lease", async () => {
    await begin();
    await sql`update slabmend.leases set expires_at = clock_timestamp() - interval '1 millisecond' where token = ${token}`;
    expect(await extendLease(sql, { slabId: slab.id, token })).toBe(false);
    expect(await rows()).toMatchObject({ expires_in: 0 });
  });

  test("a heartbeat is refused if the repair never began, indexd has claimed the slab, or the lease is gone", async () => {
    expect(await extendLease(sql, { slabId: slab.id, token })).toBe(false);
    await begin();
    await sql`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(slab.id)}`;
    expect(await extendLease(sql, { slabId: slab.id, token })).toBe(false);
    expect(await extendLease(sql, { slabId: slab.id, token: randomUUID() as LeaseToken })).toBe(false);
  });

  test("a heartbeat that waited for reap's lock finds the lease gone", async () => {
    await begin();
    let beat: Promise<boolean> = Promise.resolve(true);
    await sql.begin(async (tx) => {
      await tx`delete from slabmend.leases where token = ${token}`;
      beat = extendLease(sql, { slabId: slab.id, token });
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    expect(await beat).toBe(false);
  });
});
