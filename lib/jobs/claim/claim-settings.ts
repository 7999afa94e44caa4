import type { BudgetLimits } from "../../database/fleet/budget.ts";
import { type BreakerLimits, DEFAULT_BREAKER_LIMITS } from "../../database/fleet/circuit-breaker.ts";
import { DEFAULT_WALK_SETTINGS, type WalkSettings } from "../backlog/backlog-settings.ts";

export interface ClaimSettings {
  /** Settings of the walk that maintains the backlog. */
  readonly walk: WalkSettings;
  /** How long a round may spend on the walk before it leases. */
  readonly walkBudgetMs: number;
  readonly budget: BudgetLimits;
  /**
   * Aging is for slabs that have waited longer than this: `agingShare` of the batches go to those of them that have
   * waited longest.
   */
  readonly agingAfterMs: number;
  /** 0..1 */
  readonly agingShare: number;
  /**
   * True: leases are sent through the queue; false: a machine begins its leases itself. Each of these two kinds of
   * claim counts only its own leases against `maxInFlight`. If each kind of claim counted all leases, the kind with
   * more leases could leave the other none, because both lease from the same backlog.
   */
  readonly throughQueue: boolean;
  /** Target number of live leases of this claim's kind (through the queue or not) while there is a backlog. */
  readonly maxInFlight: number;
  /** Leases per transaction. */
  readonly batchLeases: number;
  readonly holdMs: number;
  /**
   * When indexd's next attempt at a slab is due, the slab is left to indexd for this long; 0: its migrations are off.
   */
  readonly indexdGraceMs: number;
  readonly topUpMs: number;
  /** A lease whose message was not confirmed for this long is sent again by the next run of claim or reap. */
  readonly resendAfterMs: number;
  /** Time between the leases of trial slabs (probes) while the circuit breaker is open. */
  readonly probeEveryMs: number;
  readonly fleet: BreakerLimits;
}

export const DEFAULT_CLAIM_SETTINGS: ClaimSettings = {
  walk: DEFAULT_WALK_SETTINGS,
  // A run of one minute has twelve rounds: if there is much to do, the walk may take most of each round, but never so
  // long that workers wait for work.
  walkBudgetMs: 4_000,
  budget: {},
  agingAfterMs: 86_400_000,
  agingShare: 0.1,
  throughQueue: true,
  maxInFlight: 200,
  // In a database with ten million sectors the transaction that leases these slabs takes 5 ms (docs/benchmarks.md): too
  // short for indexd to notice.
  batchLeases: 100,
  holdMs: 3_600_000,
  indexdGraceMs: 3_600_000,
  topUpMs: 5_000,
  // Sending a batch takes milliseconds. A run that has not confirmed its batch after 10 s was killed.
  resendAfterMs: 10_000,
  // A little less than a minute, the time between claim's runs, so that jitter does not skip every second probe.
  probeEveryMs: 55_000,
  fleet: DEFAULT_BREAKER_LIMITS,
};
