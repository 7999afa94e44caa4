import type { ISql, Sql, TransactionSql } from "postgres";

const TIMEOUTS = [
  "statement_timeout",
  "lock_timeout",
  "transaction_timeout",
  "idle_in_transaction_session_timeout",
];

/** The time limits that this server's version has. */
export async function readTimeouts(sql: ISql): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`select name from pg_settings where name in ${sql(TIMEOUTS)}`;
  return rows.map(({ name }) => name);
}

/** Executes statements in a transaction without time limits: those of the server, the database and the role are off. */
export async function withoutTimeouts<Result>(
  sql: Sql,
  work: (tx: TransactionSql) => Promise<Result>,
): Promise<Result> {
  const { result } = await sql.begin(async (tx) => {
    for (const name of await readTimeouts(tx)) await tx`select set_config(${name}, '0', true)`;
    return { result: await work(tx) };
  });
  return result as Result;
}
