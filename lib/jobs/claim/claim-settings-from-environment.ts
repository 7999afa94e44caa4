import type { Environment } from "../../config/parse-environment.ts";
import type { BudgetLimit, BudgetLimits } from "../../database/fleet/budget.ts";
import { type ClaimSettings, DEFAULT_CLAIM_SETTINGS } from "./claim-settings.ts";

/** The variables from which claim's settings are derived. */
type ClaimVariables = Pick<
  Environment,
  | "SLABMEND_REPAIR_CONCURRENCY"
  | "SLABMEND_INDEXD_GRACE_SECONDS"
  | "SLABMEND_BAD_CONTRACT_GRACE_SECONDS"
  | "SLABMEND_BAD_HOST_GRACE_SECONDS"
  | "SLABMEND_DAILY_SIACOINS"
  | "SLABMEND_DAILY_BYTES_READ"
  | "SLABMEND_DAILY_REPAIRS"
>;

/** While a worker repairs one slab, the next one is already leased, so that the worker need not wait for claim. */
const LEASES_PER_WORKER = 2;

/**
 * The settings of claim, for the Lambda function and for a worker that claims for itself.
 * @param base values that no variable sets; the demo and tests pass shorter times
 */
export function claimSettingsFrom(
  environment: ClaimVariables,
  base: ClaimSettings = DEFAULT_CLAIM_SETTINGS,
): ClaimSettings {
  const indexdGraceMs = environment.SLABMEND_INDEXD_GRACE_SECONDS * 1_000;
  return {
    ...base,
    // This number is for claim through the queue; a worker that claims for itself replaces it by the number of leases
    // that it can take (work-from-database.ts).
    maxInFlight: LEASES_PER_WORKER * environment.SLABMEND_REPAIR_CONCURRENCY,
    indexdGraceMs,
    walk: {
      ...base.walk,
      indexdGraceMs,
      thresholds: {
        ...base.walk.thresholds,
        graceMs: {
          lost: 0,
          denied: 0,
          "bad-contract": environment.SLABMEND_BAD_CONTRACT_GRACE_SECONDS * 1_000,
          "bad-host": environment.SLABMEND_BAD_HOST_GRACE_SECONDS * 1_000,
          draining: 0,
        },
      },
    },
    budget: {
      ...limit("hastings", environment.SLABMEND_DAILY_SIACOINS),
      ...limit("bytesRead", environment.SLABMEND_DAILY_BYTES_READ),
      ...limit("repairs", environment.SLABMEND_DAILY_REPAIRS),
    },
  };
}

/** Empty if the value sets no limit. */
function limit(name: BudgetLimit, value: bigint | undefined): BudgetLimits {
  return value === undefined ? {} : { [name]: value };
}
