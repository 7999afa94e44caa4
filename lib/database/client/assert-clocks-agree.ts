import type { ISql } from "postgres";
import type { Clock } from "../../clock/clock.ts";
import { assertClockAgrees } from "../../clock/clock-check.ts";

/**
 * Compares this machine's clock with the database's. Hosts refuse tokens and prices of a machine whose clock is wrong, which looks
 * like data at risk for every slab.
 * @throws {ClockError}
 */
export async function assertClocksAgree(sql: ISql, clock: Pick<Clock, "now">): Promise<void> {
  const askedAtMs = clock.now();
  const [row] = await sql<{ ms: number }[]>`
    select (extract(epoch from clock_timestamp()) * 1000)::double precision as ms`;
  // The database looked at its clock somewhere between: within that there is no difference to see.
  assertClockAgrees(row!.ms, Math.min(Math.max(row!.ms, askedAtMs), clock.now()));
}
