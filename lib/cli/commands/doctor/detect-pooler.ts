import type { ISql, ReservedSql, Sql } from "postgres";

const LOOKS = 3;

/**
 * Whether two connections of ours, both open, were served by one and the same server process: only a pooler that lends
 * them out by the transaction does that. One that has many to lend may not show it, so false says "none seen".
 */
export async function isTransactionPooled(first: Sql, second: Sql): Promise<boolean> {
  const held: ReservedSql[] = [];
  try {
    const one = await hold(first, held);
    const two = await hold(second, held);
    const seen = new Set<number>();
    for (let look = 0; look < LOOKS; look += 1) {
      seen.add(await serverProcess(one));
      if (seen.has(await serverProcess(two))) return true;
    }
    return false;
  } finally {
    for (const connection of held) connection.release();
  }
}

/**
 * Keeps the connection from being closed for being idle: a session pooler would lend the next one what this one has left. Not by
 * a transaction, in which a transaction pooler lends nothing to anybody else.
 */
async function hold(sql: Sql, held: ReservedSql[]): Promise<ReservedSql> {
  // Connected first: a reservation that cannot connect stays in the client's queue for ever.
  await serverProcess(sql);
  const connection = await sql.reserve();
  held.push(connection);
  return connection;
}

async function serverProcess(sql: ISql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row!.pid;
}
