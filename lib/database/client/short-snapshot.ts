import type { ISql, Sql, TransactionSql } from "postgres";
import { isStatementTimeout } from "./statement-timeout.ts";

/**
 * Reads in a transaction that cannot write or lock a row, and in which no statement (and so no snapshot) lasts longer
 * than `limitMs`. `too-long`: a statement reached that limit. If `sql` is already a transaction, the limit does not
 * apply.
 */
export async function readShortly<Result>(
  sql: ISql,
  limitMs: number,
  read: (sql: ISql) => Promise<Result>,
): Promise<{ readonly kind: "read"; readonly result: Result } | { readonly kind: "too-long" }> {
  if (!("begin" in sql)) return { kind: "read", result: await read(sql) };
  try {
    const result = await (sql as unknown as Sql).begin("read only", async (tx: TransactionSql) => {
      await tx`select set_config('statement_timeout', ${String(limitMs)}, true)`;
      return { value: await read(tx) };
    });
    return { kind: "read", result: result.value };
  } catch (error) {
    if (isStatementTimeout(error)) return { kind: "too-long" };
    throw error;
  }
}
