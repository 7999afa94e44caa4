import type { Ask } from "../../database/client/deadline-client.ts";
import {
  listExpiredLeases,
  type ReapCounts,
  type ReapDecision,
  reapLeases,
} from "../../database/leases/reap-leases.ts";
import { decideExpiredLease } from "./decide-expired-lease.ts";
import type { ReapSettings } from "./reap-settings.ts";

/** Number of slabs locked at a time; they stay locked for milliseconds. */
const BATCH = 100;

/**
 * Ends expired leases, batch by batch, until none is left or the time is up. A lease that is locked, because its worker
 * or indexd is using it, is left to the next run.
 */
export async function reapExpiredLeases(
  deps: { readonly ask: Ask; readonly step?: (name: "reaped") => void | Promise<void> },
  settings: Pick<ReapSettings, "quarantineMs" | "successWindowMs">,
  run: { readonly breakerIsOpen: boolean; readonly timeIsUp: () => boolean },
): Promise<ReapCounts> {
  const total = { freed: 0, crashed: 0, quarantined: 0, taken: 0 };
  while (!run.timeIsUp()) {
    const expired = await deps.ask((sql) =>
      listExpiredLeases(sql, { successWindowMs: settings.successWindowMs, limit: BATCH }),
    );
    if (expired.length === 0) return total;
    const decisions = expired.map(
      (lease): ReapDecision => ({
        slabId: lease.slabId,
        token: lease.token,
        running: lease.running,
        ...decideExpiredLease({ ...lease, breakerIsOpen: run.breakerIsOpen }, settings),
      }),
    );
    const counts = await deps.ask((sql) => reapLeases(sql, decisions));
    await deps.step?.("reaped");
    for (const name of ["freed", "crashed", "quarantined", "taken"] as const) total[name] += counts[name];
    const ended = counts.freed + counts.crashed + counts.taken;
    if (ended === 0 || expired.length < BATCH) return total;
  }
  return total;
}
