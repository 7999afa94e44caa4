import type { ISql } from "postgres";

/**
 * Counts the leases made outside the queue, by machines that lease for themselves. Reads the whole table, which has
 * only the leases that have not ended.
 */
export async function countLeasesBesideQueue(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`
    select count(*)::integer as leases from slabmend.leases where not through_queue`;
  return row!.leases;
}

/** Counts all leases that have not ended, whether they have begun or not. */
export async function countLeases(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`select count(*)::integer as leases from slabmend.leases`;
  return row!.leases;
}

/** Counts the repairs that have begun and whose lease has not expired. */
export async function countRunningLeases(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`
    select count(*)::integer as leases from slabmend.leases
    where began_at is not null and expires_at > clock_timestamp()`;
  return row!.leases;
}
