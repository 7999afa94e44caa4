import { type BreakerLimits, DEFAULT_BREAKER_LIMITS } from "../../database/fleet/circuit-breaker.ts";

export interface ReapSettings {
  readonly quarantineMs: number;
  /** The version of indexd's database that an operator has accepted. */
  readonly acceptedVersion?: number | undefined;
  /** A slab's crashes count as its own fault only if another slab was repaired within this time before reap's run. */
  readonly successWindowMs: number;
  /** If sending a lease's message was not confirmed within this time, the message is sent again. */
  readonly resendAfterMs: number;
  /**
   * The history of a healthy slab is kept this long after its next attempt is due. Must be at least as long as claim's
   * grace period.
   */
  readonly forgetAfterMs: number;
  /** Journal rows are kept this long, or until all followers have processed them, if that is later. */
  readonly keepJournalMs: number;
  readonly fleet: BreakerLimits;
}

export const DEFAULT_REAP_SETTINGS: ReapSettings = {
  quarantineMs: 86_400_000,
  // Three crashes take about ten minutes: each takes two minutes until the lease ends, up to one minute until reap
  // runs, and a wait in the queue.
  successWindowMs: 3_600_000,
  resendAfterMs: 10_000,
  // The longest grace period that can be configured.
  forgetAfterMs: 86_400_000,
  // A quarter of a year, to look up last month's alarms and bills. The archive keeps all rows.
  keepJournalMs: 90 * 86_400_000,
  fleet: DEFAULT_BREAKER_LIMITS,
};
