/** After the server's clock was set back, slabmend's tables contain times in the future. They count as now. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { pastTime } from "../../lib/database/client/past-time.ts";
import { DEFAULT_BREAKER_LIMITS } from "../../lib/database/fleet/circuit-breaker.ts";
import { refreshBreaker } from "../../lib/database/fleet/refresh-breaker.ts";
import { useDatabase } from "../support/database.ts";

const { sql } = useDatabase();

const refresh = () => refreshBreaker(sql, DEFAULT_BREAKER_LIMITS);
const finish = async (count: number, outcome: string): Promise<void> => {
  for (let n = 0; n < count; n += 1) {
    await sql`
      insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
      values (${randomUUID()}, ${n}, ${Buffer.alloc(32)}, ${outcome}, ${outcome}, 'w', now(), now(), clock_timestamp())`;
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
