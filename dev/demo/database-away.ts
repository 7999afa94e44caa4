import { classifyDatabaseFailure } from "../../lib/database/client/retry-transaction.ts";
import { StoreError } from "../../lib/database/client/store-error.ts";

/** The demo takes its database away on purpose: a look or a pass of its own that this ends is made again by the next one. */
export function isDatabaseAway(error: unknown): boolean {
  const isExhausted = error instanceof StoreError && error.code === "fate-unknown";
  return isExhausted || classifyDatabaseFailure(error) === "connection-lost";
}
