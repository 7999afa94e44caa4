import { StoreError } from "./store-error.ts";

/** SQLSTATE read_only_sql_transaction: the statement had no effect. */
export const READ_ONLY = "25006";

/** The server is (or has become) read-only: its connections work but must be replaced. */
export function isReadOnlyServer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && error.code === READ_ONLY) || isReadOnlyServer(error.cause);
}

export function readOnlyServer(what: string, cause: unknown): StoreError {
  return new StoreError({
    code: "read-only-server",
    message: `${what}: expected a database that takes writes, got one that is read-only`,
    remedy:
      "Check whether the URL points to a replica. After a failover, check whether the host name resolves to the new primary.",
    cause,
  });
}
