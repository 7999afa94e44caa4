import { type ClaimReport, type ClaimStep, claim } from "../lib/claim/claim.ts";
import { DEFAULT_CLAIM_SETTINGS } from "../lib/claim/claim-settings.ts";
import { systemClock } from "../lib/clock/clock.ts";
import { createRepairQueue } from "../lib/queue/repair-queue.ts";
import type { BudgetLimit, BudgetLimits } from "../lib/store/budget.ts";
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
          claimsBy: environment.SLABMEND_CLAIMS_BY,
          patienceMs: environment.SLABMEND_PATIENCE_SECONDS * 1_000,
          walkBudgetMs: environment.SLABMEND_WALK_SECONDS * 1_000,
          walk: {
            ...DEFAULT_CLAIM_SETTINGS.walk,
            pageSectors: environment.SLABMEND_CLAIM_PAGE,
            everyMs: environment.SLABMEND_WALK_EVERY_SECONDS * 1_000,
            indexdGraceMs: environment.SLABMEND_INDEXD_GRACE_SECONDS * 1_000,
            thresholds: {
              graceMs: {
                lost: 0,
                "bad-contract": environment.SLABMEND_BAD_CONTRACT_GRACE_SECONDS * 1_000,
                "bad-host": environment.SLABMEND_BAD_HOST_GRACE_SECONDS * 1_000,
              },
              dangerAbove: environment.SLABMEND_DANGER_LOSS,
            },
          },
          budget: {
            ...limit("hastings", environment.SLABMEND_DAILY_SIACOINS, HASTINGS_PER_SIACOIN),
            ...limit("bytesRead", environment.SLABMEND_DAILY_BYTES_READ),
            ...limit("repairs", environment.SLABMEND_DAILY_REPAIRS),
          },
        },
        remainingMs,
      ),
    { of: claimMetrics },
  );
}

const HASTINGS_PER_SIACOIN = 10n ** 24n;

/** What is not limited is left out. */
function limit(name: BudgetLimit, value: bigint | undefined, unit = 1n): BudgetLimits {
  return value === undefined ? {} : { [name]: value * unit };
}

export const handler = createClaimHandler();
