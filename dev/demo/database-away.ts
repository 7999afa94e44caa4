import { classifyDatabaseFailure } from "../../lib/database/client/retry-transaction.ts";
import { StoreError } from "../../lib/database/client/store-error.ts";

/** The demo interrupts its database on purpose; if this makes one of the demo's checks fail, the next check makes up for it. */
export function isDatabaseAway(error: unknown): boolean {
  const isExhausted = error instanceof StoreError && error.code === "fate-unknown";
  return isExhausted || classifyDatabaseFailure(error) === "connection-lost";
}
