import type { Sql, TransactionSql } from "postgres";

/** Runs `work` in a transaction and undoes it all, also when `work` fails: its failure is the test's. */
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
