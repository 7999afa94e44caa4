/** If the server's clock is set back, slabmend's tables contain times in the future. These times count as now. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { pastTime } from "../../lib/database/client/past-time.ts";
import { DEFAULT_BREAKER_LIMITS } from "../../lib/database/fleet/circuit-breaker.ts";
import { refreshBreaker, takeProbe } from "../../lib/database/fleet/refresh-breaker.ts";
import { listExpiredLeases } from "../../lib/database/leases/reap-leases.ts";
import { useDatabase } from "../support/database.ts";

const { sql } = useDatabase();

const refresh = () => refreshBreaker(sql, DEFAULT_BREAKER_LIMITS);
const finish = async (count: number, outcome: string, inHours = 0): Promise<void> => {
  for (let n = 0; n < count; n += 1) {
    await sql`
      insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
      values (${randomUUID()}, ${n}, ${Buffer.alloc(32)}, ${outcome}, ${outcome}, 'w', now(), now(),
        clock_timestamp() + make_interval(hours => ${inHours}::integer))`;
  }
};

test("pastTime replaces a stored time in the future by the current time", () => {
  expect(pastTime(5, 10)).toBe(5);
  expect(pastTime(15, 10)).toBe(10);
});

test("the circuit breaker considers new outcomes at once even if its stored last change is in the future", async () => {
  await sql`update slabmend.fleet set breaker_since = clock_timestamp() + interval '1 day'`;
  expect((await refresh()).breaker.kind).toBe("closed");
  await finish(6, "fault");
  expect((await refresh()).breaker.kind).toBe("open");
});

test("a backoff whose stored start is in the future ends no later than if it began now", async () => {
  await sql`
    update slabmend.fleet set breaker_open = true, breaker_since = clock_timestamp() + interval '1 day', backoff_ms = 60000,
      backoff_from = clock_timestamp() + interval '1 day', backoff_until = clock_timestamp() + interval '1 day 1 minute'`;
  const { breaker, nowMs } = await refresh();
  expect(breaker).toMatchObject({ kind: "open", backoffFromMs: nowMs, backoffUntilMs: nowMs + 60_000 });
  await finish(1, "repaired");
  expect((await refresh()).breaker.kind).toBe("closed");
});

test("outcomes whose time is in the future do not keep the circuit breaker open", async () => {
  await sql`truncate slabmend.journal`;
  await sql`
    update slabmend.fleet set breaker_open = false, breaker_since = clock_timestamp(), backoff_ms = 0, backoff_from = null,
      backoff_until = null`;
  // Eight repairs that failed while the server's clock was a day ahead, because hosts refused their tokens. Then the
  // clock was set back, and six repairs succeeded.
  await finish(8, "fault", 24);
  await finish(6, "repaired");
  expect((await refresh()).breaker.kind).toBe("closed");
});

test("a probe whose time is in the future does not prevent the next probe", async () => {
  await sql`update slabmend.fleet set last_probe_at = clock_timestamp() + interval '1 day'`;
  expect(await takeProbe(sql, 60_000)).toBe(true);
  expect(await takeProbe(sql, 60_000)).toBe(false);
});

test("a success of another slab is no reason to quarantine a slab if the success lies in the future", async () => {
  await sql`truncate slabmend.journal, slabmend.leases`;
  await finish(2, "repaired", 24);
  await sql`
    insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, began_at, worker, expires_at, margin)
    values (7, ${Buffer.alloc(32)}, now(), now(), now(), now(), 'w', clock_timestamp(), 0)`;
  const expired = await listExpiredLeases(sql, { successWindowMs: 3_600_000, limit: 10 });
  expect(expired).toMatchObject([{ slabId: "7", othersSucceed: false }]);
});
