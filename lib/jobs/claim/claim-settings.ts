import type { BudgetLimits } from "../../database/fleet/budget.ts";
import { type BreakerLimits, DEFAULT_BREAKER_LIMITS } from "../../database/fleet/circuit-breaker.ts";
import { DEFAULT_WALK_SETTINGS, type WalkSettings } from "../backlog/backlog-settings.ts";

/**
 * `urgency`: from the backlog, the likeliest to be lost first. `id`: straight from indexd's tables, by sector id, as
 * indexd does; no thresholds, no budget.
 */
export type ClaimOrder = "urgency" | "id";

export interface ClaimSettings {
  readonly claimsBy: ClaimOrder;
  /** By urgency: how the backlog is kept. */
  readonly walk: WalkSettings;
  /** By urgency: how long a round may walk before it leases. */
  readonly walkBudgetMs: number;
  readonly budget: BudgetLimits;
  /** By urgency: a slab that has waited for longer, once due, gets its turn out of `patientShare` of every batch. */
  readonly patienceMs: number;
  /** 0..1 */
  readonly patientShare: number;
  /**
   * Through the queue, or by a machine that leases what it begins at once. Each counts its own leases only: on one
   * backlog the larger of the two would leave the other nothing.
   */
  readonly throughQueue: boolean;
  /** Live leases of that kind while there is a backlog. */
  readonly maxInFlight: number;
  /** Bad sectors looked at in one transaction. */
  readonly pageSectors: number;
  /** Leases made in one transaction. */
  readonly batchLeases: number;
  readonly holdMs: number;
  /** How long past its next attempt a slab is left to indexd; 0 when indexd's own migrations are off. */
  readonly indexdGraceMs: number;
  readonly topUpMs: number;
  /** A lease whose message was not confirmed for this long is sent again, by whoever comes first. */
  readonly resendAfterMs: number;
  /** While the circuit breaker is open. */
  readonly probeEveryMs: number;
  readonly fleet: BreakerLimits;
}

export const DEFAULT_CLAIM_SETTINGS: ClaimSettings = {
  claimsBy: "urgency",
  walk: DEFAULT_WALK_SETTINGS,
  // A minute's run has twelve rounds: most of its time for the walk while there is much to walk, and never so long that
  // workers wait for work.
  walkBudgetMs: 4_000,
  budget: {},
  patienceMs: 86_400_000,
  patientShare: 0.1,
  throughQueue: true,
  maxInFlight: 200,
  pageSectors: 500,
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
