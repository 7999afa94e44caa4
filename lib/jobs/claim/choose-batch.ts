/**
 * Chooses the slabs of the next batch of leases: the most urgent or, for aging, those that have waited longest. Pure.
 */
import type { BatchRequest } from "../../database/leases/lease-batch.ts";

export type BatchChoice = Pick<BatchRequest, "order" | "urgencyAbove" | "maxLeases">;

export interface BatchOptions {
  /** Random, 0 or more and below 1: decides whether this batch is for aging. */
  readonly toss: number;
  /** Share of the batches that go to the slabs that have waited longest; 0..1. */
  readonly agingShare: number;
  readonly maxLeases: number;
  /** Leases that the budget still allows for slabs that are not endangered; null: any number. */
  readonly ordinaryLeft: number | null;
  readonly dangerAbove: number;
  /** True: no endangered slab is left in the backlog. */
  readonly endangeredDry: boolean;
  /** True: no slab is left in the backlog that has waited long enough for aging. */
  readonly waitingDry: boolean;
}

/** Slabs beyond rescue have urgency 0. */
const BEYOND_RESCUE = 0;
const ANY = -1;

/** Undefined: the budget allows no lease. */
export function chooseBatch(options: BatchOptions): BatchChoice | undefined {
  const { toss, agingShare, ordinaryLeft, dangerAbove } = options;
  const ordinaryLeases = Math.min(options.maxLeases, ordinaryLeft ?? options.maxLeases);
  if (toss < agingShare && !options.waitingDry && ordinaryLeases > 0) {
    // Half of the aging batches skip slabs beyond rescue, so that thousands of slabs that always fail do not delay the
    // others.
    const urgencyAbove = toss < agingShare / 2 ? BEYOND_RESCUE : ANY;
    return { order: "waiting", urgencyAbove, maxLeases: ordinaryLeases };
  }
  if (ordinaryLeft !== null && !options.endangeredDry) {
    return { order: "urgency", urgencyAbove: dangerAbove, maxLeases: options.maxLeases };
  }
  if (ordinaryLeases <= 0) return undefined;
  return { order: "urgency", urgencyAbove: ANY, maxLeases: ordinaryLeases };
}
