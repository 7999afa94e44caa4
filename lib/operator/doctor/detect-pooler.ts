import type { ISql, Sql } from "postgres";

const LOOKS = 3;

/**
 * Whether two connections of ours, both open, were served by one and the same server process: only a pooler that lends
 * them out by the transaction does that. One that has many to lend may not show it, so false says "none seen".
 */
export async function isTransactionPooled(first: Sql, second: Sql): Promise<boolean> {
  const seen = new Set<number>();
  for (let look = 0; look < LOOKS; look += 1) {
    seen.add(await serverProcess(first));
    if (seen.has(await serverProcess(second))) return true;
  }
  return false;
}

async function serverProcess(sql: ISql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row!.pid;
}
