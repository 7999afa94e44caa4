/** PostgreSQL's query_canceled: the statement reached its statement_timeout (nothing else here cancels statements). */
const QUERY_CANCELED = "57014";

export function isStatementTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === QUERY_CANCELED;
}
