/** The gauges on real tables: each counts exactly its rows. */
import { randomBytes, randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { resumeLeasing, stopLeasing } from "../../lib/database/fleet/fleet-mode.ts";
import { readFleetGauges } from "../../lib/database/reports/read-fleet-gauges.ts";
import { useDatabase } from "../support/database.ts";
import { seedHost } from "../support/seed-indexd.ts";

const database = useDatabase();

test("the gauges of an empty fleet are zero", async () => {
  expect(await readFleetGauges(database.sql)).toEqual({
    liveLeases: 0,
    runningLeases: 0,
    expiredLeases: 0,
    oldestLeaseSeconds: undefined,
    repairsLately: 0,
    repairsInHalfHour: 0,
    faultsInHalfHour: 0,
    slabsFoundAtRisk: 0,
    quarantinedSlabs: 0,
    databaseConnections: expect.any(Number),
    backlog: new Map(),
    underfundedHosts: 0,
    runIdleSeconds: undefined,
    failedRuns: 0,
    followers: [],
    checksBehindSeconds: undefined,
    moveSlot: undefined,
  });
});

test("a move-database run counts as idle only after it has stopped the fleet, not while it waits for the switch", async () => {
  const { sql } = database;
  await sql`
    insert into slabmend.runs (kind, scope, owner, moved_at) values ('move-database', '{}', 'test', now() - interval '2 days')`;
  expect((await readFleetGauges(sql)).runIdleSeconds).toBeUndefined();
  await stopLeasing(sql, { kind: "maintenance", owner: "test", reason: "a move" });
  expect(Math.round((await readFleetGauges(sql)).runIdleSeconds! / 86_400)).toBe(2);
  await resumeLeasing(sql, "maintenance");
  await sql`delete from slabmend.runs`;
});

test("the gauges show how long a run has been idle, how many runs failed lately, and how late checks are", async () => {
  const { sql } = database;
  await sql`insert into slabmend.runs (kind, scope, owner, moved_at) values ('verify', '{}', 'test', now() - interval '2 hours')`;
  for (const ago of ["10 minutes", "2 hours"]) {
    await sql`
      insert into slabmend.runs (kind, scope, owner, state, error, finished_at)
      values ('verify', '{}', 'test', 'failed', '{}', clock_timestamp() - ${ago}::interval)`;
  }
  const [due, silent] = [await seedHost(sql), await seedHost(sql)];
  for (const [host, ago] of [
    [due, "3 hours"],
    [silent, "9 hours"],
  ] as const) {
    await sql`
      insert into sectors (sector_root, host_id, next_integrity_check)
      values (${randomBytes(32)}, ${host.id}, now() - ${ago}::interval)`;
  }
  await sql`insert into slabmend.silent_hosts (host_id, batches, until) values (${silent.id}, 1, now() + interval '1 hour')`;
  const { runIdleSeconds, failedRuns, checksBehindSeconds } = await readFleetGauges(sql, { dueChecks: true });
  expect(Math.round(runIdleSeconds! / 60)).toBe(120);
  expect(failedRuns).toBe(1);
  expect(Math.round(checksBehindSeconds! / 60)).toBe(180);
  await sql`update slabmend.runs set state = 'paused' where finished_at is null`;
  expect((await readFleetGauges(sql)).runIdleSeconds).toBeUndefined();
});

test("the gauges count leases, quarantined slabs, the backlog, unfunded hosts and recent repairs", async () => {
  const { sql } = database;
  const digest = randomBytes(32);
  const lease = (slabId: number, leasedAgo: string, expiresIn: string, isRunning: boolean) => sql`
    insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, began_at, worker, expires_at, margin)
    values (${slabId}, ${digest}, clock_timestamp() - ${leasedAgo}::interval, clock_timestamp(), clock_timestamp(),
      ${isRunning ? sql`clock_timestamp()` : null}, ${isRunning ? "worker" : null},
      clock_timestamp() + ${expiresIn}::interval, 3)`;
  await lease(1, "10 minutes", "1 hour", false);
  await lease(2, "2 minutes", "1 minute", true);
  await lease(3, "5 minutes", "-1 second", true);
  for (const [slabId, until] of [
    [1, "1 hour"],
    [2, "-1 hour"],
  ] as const) {
    await sql`
      insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt, quarantined_until)
      values (${slabId}, ${digest}, 'crashed', clock_timestamp(), clock_timestamp(), clock_timestamp() + ${until}::interval)`;
  }
  for (const [slabId, margin] of [
    [1, -1],
    [2, 4],
    [3, 4],
  ] as const) {
    await sql`
      insert into slabmend.backlog (slab_id, urgency, loss, margin, causes, since, waiting_since, ready, look_at)
      values (${slabId}, 0.5, 0.5, ${margin}, '{}', '{}', clock_timestamp(), true, clock_timestamp())`;
  }
  for (const [ago, count] of [
    ["1 minute", 1],
    ["1 day", 2],
  ] as const) {
    for (let host = 0; host < count; host++) {
      await sql`
        insert into slabmend.host_scores (host_key, out_of_funds_at, faded_at)
        values (${randomBytes(32)}, clock_timestamp() - ${ago}::interval, clock_timestamp())`;
    }
  }
  for (const [outcome, ago] of [
    ["repaired", "1 minute"],
    ["fault", "4 minutes"],
    ["crashed", "1 minute"],
    ["superseded", "1 minute"],
    ["repaired", "6 minutes"],
    ["fault", "29 minutes"],
    ["fault", "31 minutes"],
    // slabsFoundAtRisk counts the slab of these three repairs once.
    ["too-few-sources", "1 minute"],
    ["too-few-sources", "2 minutes"],
    ["too-few-sources", "10 minutes"],
  ] as const) {
    await sql`
      insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
      values (${randomUUID()}, 1, ${digest}, ${outcome}, ${outcome}, 'worker', clock_timestamp(), clock_timestamp(),
        clock_timestamp() - ${ago}::interval)`;
  }
  const gauges = await readFleetGauges(sql);
  expect(gauges).toMatchObject({
    liveLeases: 3,
    runningLeases: 2,
    expiredLeases: 1,
    repairsLately: 4,
    repairsInHalfHour: 7,
    faultsInHalfHour: 2,
    slabsFoundAtRisk: 1,
    quarantinedSlabs: 1,
    backlog: new Map([
      [-1, 1],
      [4, 2],
    ]),
    underfundedHosts: 1,
    followers: [],
  });
  expect(gauges.oldestLeaseSeconds).toBeGreaterThanOrEqual(600);
  expect(gauges.oldestLeaseSeconds).toBeLessThan(700);
  expect(gauges.databaseConnections).toBeGreaterThanOrEqual(1);
});
