import { type BreakerLimits, DEFAULT_BREAKER_LIMITS } from "../../database/fleet/circuit-breaker.ts";

export interface ReapSettings {
  readonly quarantineMs: number;
  /** The version of indexd's database that an operator has accepted. */
  readonly acceptedVersion?: number | undefined;
  /** Other slabs must have been repaired this lately for a slab's crashes to be its own. */
  readonly successWindowMs: number;
  /** A lease whose message was not confirmed for this long is sent again. */
  readonly resendAfterMs: number;
  /** The history of a slab that is fine is kept this long after its next attempt; at least claim's grace. */
  readonly forgetAfterMs: number;
  /** Rows of the journal are kept this long, and longer while a follower has not passed them. */
  readonly keepJournalMs: number;
  readonly fleet: BreakerLimits;
}

export const DEFAULT_REAP_SETTINGS: ReapSettings = {
  quarantineMs: 86_400_000,
  // Three crashes take about ten minutes: two minutes of lease, one of reap's schedule, the queue.
  successWindowMs: 3_600_000,
  resendAfterMs: 10_000,
  // The longest grace that can be configured.
  forgetAfterMs: 86_400_000,
  // A quarter: what an alarm or a bill of last month was about can still be looked up. The archive keeps all of it.
  keepJournalMs: 90 * 86_400_000,
  fleet: DEFAULT_BREAKER_LIMITS,
};
