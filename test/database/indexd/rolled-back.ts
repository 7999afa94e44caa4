import type { Sql, TransactionSql } from "postgres";

/** Runs `work` in a transaction that is always rolled back. A failure of `work` fails the test. */
export async function rolledBack(
  sql: Sql,
  work: (transaction: TransactionSql) => Promise<void>,
): Promise<void> {
  const undo = new Error("undo");
  await sql
    .begin(async (transaction) => {
      await work(transaction);
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
}
