import { classifyDatabaseFailure } from "../database/client/retry-transaction.ts";
import { StoreError, type StoreErrorCode } from "../database/client/store-error.ts";
import { IndexdError } from "../database/indexd/errors.ts";
import { explainMoved } from "../database/indexd/version/write-verified.ts";
import { ClaimIncompleteError } from "../jobs/claim/claim-report.ts";

const PASSING: ReadonlySet<StoreErrorCode> = new Set([
  "retries-exhausted",
  "fate-unknown",
  "read-only-server",
  "no-answer",
]);

/**
 * Failures that an immediate retry would not fix, but time may: a statement that was slow once (57014), a server short
 * of memory or connections (53…), an idle connection that the server ended, an unavailable name server or network.
 */
const PASSING_CODES =
  /^(57014|53[02]00|53300|57P05|25P03|ENOTFOUND|EAI_FAIL|EAI_NODATA|ENETDOWN|EHOSTDOWN|ECONNABORTED)$/;

/**
 * Whether a failure may be temporary: then the worker waits and tries again, because a worker that has ended itself is
 * not restarted.
 */
export function mayPass(error: unknown): boolean {
  if (error instanceof StoreError) return PASSING.has(error.code);
  if (error instanceof IndexdError) return error.code === "indexd-upgrading";
  // indexd's database is not at the version that was verified, or must not be written to, so nothing was written. The
  // next round verifies it again.
  if (explainMoved(error) !== error) return true;
  if (error instanceof AggregateError) return error.errors.every(mayPass);
  if (error instanceof Error && error.name === "ReapIncompleteError") return mayPass(error.cause);
  // Only the walk failed. claim finds no new slabs without it, but has leased slabs that were already in the backlog.
  if (error instanceof ClaimIncompleteError) return true;
  if (error instanceof Error && "code" in error && PASSING_CODES.test(String(error.code))) return true;
  return classifyDatabaseFailure(error) !== "permanent";
}
