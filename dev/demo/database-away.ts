import { classifyDatabaseFailure } from "../../lib/database/client/retry-transaction.ts";
import { StoreError } from "../../lib/database/client/store-error.ts";

/** The demo interrupts its database on purpose; what fails because of this is repeated by the next pass or poll. */
export function isDatabaseAway(error: unknown): boolean {
  const isExhausted = error instanceof StoreError && error.code === "fate-unknown";
  return isExhausted || classifyDatabaseFailure(error) === "connection-lost";
}
