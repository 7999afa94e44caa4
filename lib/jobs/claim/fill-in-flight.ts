import type { BudgetState } from "../../database/fleet/budget.ts";
import { leaseBatch } from "../../database/leases/lease-batch.ts";
import { sendLeases } from "../send-leases/send-leases.ts";
import { chooseBatch } from "./choose-batch.ts";
import type { ClaimDependencies } from "./claim-dependencies.ts";
import type { ClaimCount } from "./claim-report.ts";
import type { ClaimSettings } from "./claim-settings.ts";

export interface FillLimits {
  readonly mostLeases: number;
  /** Share of the batches that go to the slabs that have waited longest: 0..1. */
  readonly agingShare: number;
  readonly endsAtMs: number;
}

/**
 * Leases ready slabs and sends them, batch by batch, until there are `maxInFlight` live leases or no slab is left to
 * lease.
 */
export async function fillInFlight(
  deps: ClaimDependencies,
  settings: ClaimSettings,
  limits: FillLimits,
  budget: BudgetState,
  count: ClaimCount,
): Promise<"no-backlog" | "full" | "deadline"> {
  const { random = Math.random } = deps;
  const { dangerAbove } = settings.walk.thresholds;
  let left = limits.mostLeases;
  let ordinaryLeft = budget.ordinaryLeases;
  let endangeredDry = false;
  let waitingDry = false;
  while (deps.clock.now() < limits.endsAtMs) {
    deps.signal?.throwIfAborted();
    const choice = chooseBatch({
      toss: random(),
      agingShare: limits.agingShare,
      maxLeases: Math.min(settings.batchLeases, left),
      ordinaryLeft,
      dangerAbove,
      endangeredDry,
      waitingDry,
    });
    if (choice === undefined) return "no-backlog";
    const batch = await deps.ask((sql) =>
      leaseBatch(sql, {
        ...choice,
        waitedMs: settings.agingAfterMs,
        dangerAbove,
        maxInFlight: settings.maxInFlight,
        throughQueue: settings.throughQueue,
        holdMs: settings.holdMs,
        graceMs: settings.indexdGraceMs,
      }),
    );
    count.batches += 1;
    count.live = batch.live ?? count.live;
    if (batch.leases.length > 0) {
      count.leased += batch.leases.length;
      await deps.step?.("leased");
      const report = await sendLeases(deps, batch.leases, limits.endsAtMs);
      count.sent += report.sent;
      count.refused += report.refused;
    }
    left -= batch.leases.length;
    if (ordinaryLeft !== null) {
      ordinaryLeft -= batch.leases.filter(({ urgency }) => urgency <= dangerAbove).length;
    }
    if (left <= 0 || count.live >= settings.maxInFlight) return "full";
    if (!batch.dry) continue;
    if (choice.order === "waiting") waitingDry = true;
    else if (choice.urgencyAbove === dangerAbove) endangeredDry = true;
    else return "no-backlog";
  }
  return "deadline";
}
