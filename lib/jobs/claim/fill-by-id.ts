/** Fills up the live leases as indexd would: page by page of bad sectors in the order of their ids. */
import { claimPage } from "../../database/leases/choose-unhealthy-slabs.ts";
import { sendLeases } from "../send-leases/send-leases.ts";
import type { ClaimDependencies, FillCount, Filled, FillLimits } from "./claim-dependencies.ts";
import type { ClaimSettings } from "./claim-settings.ts";
import { Lap } from "./lap.ts";

/** Leases and sends page by page. `no-backlog`: a whole lap found nothing that is left to be leased. */
export async function fillById(
  deps: ClaimDependencies,
  settings: ClaimSettings,
  limits: FillLimits,
  count: FillCount,
): Promise<Filled> {
  const lap = new Lap();
  let left = limits.mostLeases;
  while (deps.clock.now() < limits.endsAtMs) {
    deps.signal?.throwIfAborted();
    const page = await deps.ask((sql) =>
      claimPage(sql, {
        pageSectors: settings.pageSectors,
        maxLeases: Math.min(settings.batchLeases, left),
        maxInFlight: settings.maxInFlight,
        throughQueue: settings.throughQueue,
        holdMs: settings.holdMs,
        graceMs: settings.indexdGraceMs,
      }),
    );
    count.pages += 1;
    count.live = page.live;
    if (page.leases.length > 0) {
      count.leased += page.leases.length;
      await deps.step?.("leased");
      const report = await sendLeases(deps, page.leases, limits.endsAtMs);
      count.sent += report.sent;
      count.refused += report.refused;
    }
    left -= page.leases.length;
    if (left <= 0 || page.live >= settings.maxInFlight) return "full";
    if (lap.completedBy(page)) return "no-backlog";
  }
  return "deadline";
}
