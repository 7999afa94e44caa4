import type { ISql } from "postgres";

/** The database's clock. */
export async function readTime(sql: ISql): Promise<Date> {
  const [row] = await sql<{ at: Date }[]>`select clock_timestamp() as at`;
  return row!.at;
}
