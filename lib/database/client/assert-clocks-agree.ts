import type { ISql } from "postgres";
import type { Clock } from "../../clock/clock.ts";
import { assertClockAgrees } from "../../clock/clock-check.ts";

/**
 * Compares this machine's clock with the database's. Hosts refuse tokens and prices from a machine whose clock is
 * wrong; every slab would then look at risk.
 * @throws {ClockError}
 */
export async function assertClocksAgree(sql: ISql, clock: Pick<Clock, "now">): Promise<void> {
  const askedAtMs = clock.now();
  const [row] = await sql<{ ms: number }[]>`
    select (extract(epoch from clock_timestamp()) * 1000)::double precision as ms`;
  // The database read its clock at some moment of the query: if our clock showed the same time during the query, the
  // clocks agree.
  assertClockAgrees(row!.ms, Math.min(Math.max(row!.ms, askedAtMs), clock.now()));
}
