import { StoreError } from "./store-error.ts";

/** SQLSTATE read_only_sql_transaction: nothing of the statement happened. */
export const READ_ONLY = "25006";

/** The server takes no writes (any more): its connections are to be replaced, though they work. */
export function isReadOnlyServer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && error.code === READ_ONLY) || isReadOnlyServer(error.cause);
}

export function readOnlyServer(what: string, cause: unknown): StoreError {
  return new StoreError({
    code: "read-only-server",
    message: `${what}: expected a database that takes writes, got one that is read-only`,
    remedy:
      "Look whether it failed over and the name leads to the new primary, or whether the URL is a replica's.",
    cause,
  });
}
