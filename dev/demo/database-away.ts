import { classifyDatabaseFailure } from "../../lib/database/client/retry-transaction.ts";
import { StoreError } from "../../lib/database/client/store-error.ts";

/**
 * Whether an error is due to an interruption of the database, such as the demo causes on purpose. The next pass or poll
 * repeats what failed.
 */
export function isDatabaseAway(error: unknown): boolean {
  const isExhausted = error instanceof StoreError && error.code === "fate-unknown";
  return isExhausted || classifyDatabaseFailure(error) === "connection-lost";
}
