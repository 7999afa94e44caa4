import type { BudgetLimits } from "../../database/fleet/budget.ts";
import { type BreakerLimits, DEFAULT_BREAKER_LIMITS } from "../../database/fleet/circuit-breaker.ts";
import { DEFAULT_WALK_SETTINGS, type WalkSettings } from "../backlog/backlog-settings.ts";

export interface ClaimSettings {
  /** How the backlog is kept. */
  readonly walk: WalkSettings;
  /** How long a round may walk before it leases. */
  readonly walkBudgetMs: number;
  readonly budget: BudgetLimits;
  /** Aging: `agingShare` of the batches go to the slabs that have waited longest, if for longer than this. */
  readonly agingAfterMs: number;
  /** 0..1 */
  readonly agingShare: number;
  /**
   * Through the queue, or by a machine that leases what it begins at once. Each counts its own leases only: on one
   * backlog the larger of the two would leave the other nothing.
   */
  readonly throughQueue: boolean;
  /** Live leases of that kind while there is a backlog. */
  readonly maxInFlight: number;
  /** Leases made in one transaction. */
  readonly batchLeases: number;
  readonly holdMs: number;
  /** How long past its next attempt a slab is left to indexd; 0 when indexd's own migrations are off. */
  readonly indexdGraceMs: number;
  readonly topUpMs: number;
  /** A lease whose message was not confirmed for this long is sent again, by the next run of claim or reap. */
  readonly resendAfterMs: number;
  /** While the circuit breaker is open. */
  readonly probeEveryMs: number;
  readonly fleet: BreakerLimits;
}

export const DEFAULT_CLAIM_SETTINGS: ClaimSettings = {
  walk: DEFAULT_WALK_SETTINGS,
  // A minute's run has twelve rounds: most of its time for the walk while there is much to walk, and never so long that
  // workers wait for work.
  walkBudgetMs: 4_000,
  budget: {},
  agingAfterMs: 86_400_000,
  agingShare: 0.1,
  throughQueue: true,
  maxInFlight: 200,
  // 5 ms of transaction on ten million sectors (docs/benchmarks.md): short enough for indexd never to notice.
  batchLeases: 100,
  holdMs: 3_600_000,
  indexdGraceMs: 3_600_000,
  topUpMs: 5_000,
  // Sending a batch takes milliseconds; a run that has not confirmed it by now was killed.
  resendAfterMs: 10_000,
  // The schedule is a minute; a little less, so that its jitter does not cost every second probe.
  probeEveryMs: 55_000,
  fleet: DEFAULT_BREAKER_LIMITS,
};
