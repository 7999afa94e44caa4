/** Fills up the live leases from the backlog: batch by batch, the most urgent slabs first. */

import type { BudgetState } from "../../database/fleet/budget.ts";
import { leaseByUrgency } from "../../database/leases/lease-by-urgency.ts";
import { lookAtBacklog } from "../backlog/walk.ts";
import { sendLeases } from "../send-leases/send-leases.ts";
import type { ClaimDependencies, FillCount, Filled, FillLimits } from "./claim-dependencies.ts";
import type { ClaimSettings } from "./claim-settings.ts";

/** For entries that changed since they were judged: a few, otherwise the next round goes on. */
const LOOK_BUDGET_MS = 1_000;

export async function fillByUrgency(
  deps: ClaimDependencies,
  settings: ClaimSettings,
  limits: FillLimits,
  budget: BudgetState,
  count: FillCount,
): Promise<Filled> {
  const { random = Math.random } = deps;
  let left = limits.mostLeases;
  let ordinary = budget.ordinaryLeases;
  while (deps.clock.now() < limits.endsAtMs) {
    deps.signal?.throwIfAborted();
    const batch = await deps.ask((sql) =>
      leaseByUrgency(sql, {
        maxLeases: Math.min(settings.batchLeases, left),
        maxInFlight: settings.maxInFlight,
        throughQueue: settings.throughQueue,
        holdMs: settings.holdMs,
        graceMs: settings.indexdGraceMs,
        dangerAbove: settings.walk.thresholds.dangerAbove,
        mostOrdinary: ordinary,
        patienceMs: settings.patienceMs,
        patientShare: limits.patientShare,
        chance: random(),
        beyondRescueChance: random(),
      }),
    );
    count.pages += 1;
    count.live = batch.live ?? count.live;
    if (batch.leases.length > 0) {
      count.leased += batch.leases.length;
      await deps.step?.("leased");
      const report = await sendLeases(deps, batch.leases, limits.endsAtMs);
      count.sent += report.sent;
      count.refused += report.refused;
    }
    left -= batch.leases.length;
    if (ordinary !== null) {
      const { dangerAbove } = settings.walk.thresholds;
      ordinary -= batch.leases.filter(({ urgency }) => urgency <= dangerAbove).length;
    }
    if (left <= 0 || count.live >= settings.maxInFlight) return "full";
    if (batch.changed > 0) {
      const budgetMs = Math.min(LOOK_BUDGET_MS, limits.endsAtMs - deps.clock.now());
      count.unjudged += (await lookAtBacklog(deps, settings.walk, budgetMs)).unjudged;
    } else if (batch.dry) return "no-backlog";
  }
  return "deadline";
}
