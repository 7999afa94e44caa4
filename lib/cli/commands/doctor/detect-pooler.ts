import type { ISql, ReservedSql, Sql } from "postgres";

const LOOKS = 3;

/**
 * Whether one server process served two open connections: only a pooler in transaction mode does that. A pooler with
 * many server processes may use a different one each time, so false only means that no such pooler was seen.
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
 * Reserves a connection, so that it is not closed as idle: after a close, a session pooler would give the server
 * process to the next connection, and would look like a transaction pooler. Opens no transaction: during a transaction,
 * a transaction pooler would not share the server process, and would not be noticed.
 */
async function hold(sql: Sql, held: ReservedSql[]): Promise<ReservedSql> {
  // Connects first: a reservation that cannot connect stays in the client's queue forever.
  await serverProcess(sql);
  const connection = await sql.reserve();
  held.push(connection);
  return connection;
}

async function serverProcess(sql: ISql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row!.pid;
}
