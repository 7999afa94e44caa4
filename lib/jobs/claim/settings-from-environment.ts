import type { Environment } from "../../config/parse-environment.ts";
import type { BudgetLimit, BudgetLimits } from "../../database/fleet/budget.ts";
import { type ClaimSettings, DEFAULT_CLAIM_SETTINGS } from "./claim-settings.ts";

/** What of the environment decides how claim claims, for the function and for a worker that claims for itself. */
export function claimSettingsFrom(
  environment: Omit<
    Environment,
    "SLABMEND_DATABASE_URL" | "SLABMEND_QUEUE_URL" | "SLABMEND_DEAD_LETTER_QUEUE_URL"
  >,
): ClaimSettings {
  const indexdGraceMs = environment.SLABMEND_INDEXD_GRACE_SECONDS * 1_000;
  return {
    ...DEFAULT_CLAIM_SETTINGS,
    maxInFlight: environment.SLABMEND_MAX_IN_FLIGHT,
    holdMs: environment.SLABMEND_HOLD_SECONDS * 1_000,
    indexdGraceMs,
    topUpMs: environment.SLABMEND_TOP_UP_SECONDS * 1_000,
    agingAfterMs: environment.SLABMEND_PATIENCE_SECONDS * 1_000,
    walkBudgetMs: environment.SLABMEND_WALK_SECONDS * 1_000,
    walk: {
      ...DEFAULT_CLAIM_SETTINGS.walk,
      pageSectors: environment.SLABMEND_CLAIM_PAGE,
      everyMs: environment.SLABMEND_WALK_EVERY_SECONDS * 1_000,
      indexdGraceMs,
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
  };
}

const HASTINGS_PER_SIACOIN = 10n ** 24n;

/** What is not limited is left out. */
function limit(name: BudgetLimit, value: bigint | undefined, unit = 1n): BudgetLimits {
  return value === undefined ? {} : { [name]: value * unit };
}
