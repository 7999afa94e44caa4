import { type ClaimReport, type ClaimStep, claim } from "../lib/claim/claim.ts";
import { DEFAULT_CLAIM_SETTINGS } from "../lib/claim/claim-settings.ts";
import { systemClock } from "../lib/clock/clock.ts";
import { createRepairQueue } from "../lib/queue/repair-queue.ts";
import { claimMetrics } from "../lib/telemetry/claim-metrics.ts";
import { createScheduledHandler } from "./scheduled.ts";

/** Leases unhealthy slabs and sends a message for each. `step` is for kill tests. */
export function createClaimHandler(
  options: { readonly step?: (name: ClaimStep) => void | Promise<void> } = {},
) {
  return createScheduledHandler<ClaimReport>(
    "claim",
    ({ environment, sql, sqs, remainingMs }) =>
      claim(
        {
          sql,
          clock: systemClock,
          queue: createRepairQueue({ client: sqs, queueUrl: environment.SLABMEND_QUEUE_URL }),
          ...options,
        },
        {
          ...DEFAULT_CLAIM_SETTINGS,
          maxInFlight: environment.SLABMEND_MAX_IN_FLIGHT,
          pageSectors: environment.SLABMEND_CLAIM_PAGE,
          holdMs: environment.SLABMEND_HOLD_SECONDS * 1_000,
          indexdGraceMs: environment.SLABMEND_INDEXD_GRACE_SECONDS * 1_000,
          topUpMs: environment.SLABMEND_TOP_UP_SECONDS * 1_000,
        },
        remainingMs,
      ),
    { of: claimMetrics },
  );
}

export const handler = createClaimHandler();
