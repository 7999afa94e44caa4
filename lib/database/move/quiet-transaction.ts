import type { Sql, TransactionSql } from "postgres";

/**
 * Runs statements that contain a password or a verifier in a transaction whose statements the server does not log, even
 * if they fail. Only a superuser may change the settings that this needs.
 */
export async function inQuietTransaction<Result>(
  sql: Sql,
  work: (tx: TransactionSql) => Promise<Result>,
): Promise<Result> {
  const result = await sql.begin(async (tx) => {
    await tx`
      select set_config(s.name, q.value, true)
      from (values ('log_statement', 'none'), ('log_min_error_statement', 'panic'), ('log_min_duration_statement', '-1'),
        ('log_min_duration_sample', '-1'), ('log_transaction_sample_rate', '0'),
        ('pg_stat_statements.track_utility', 'off'), ('pg_stat_statements.track', 'none'), ('pgaudit.log', 'none')) as q (name, value)
      join pg_settings s on s.name = q.name`;
    return { value: await work(tx) };
  });
  return result.value as Result;
}
