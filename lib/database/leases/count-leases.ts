import type { ISql } from "postgres";

/**
 * Leases made outside the queue, by machines that lease for themselves. The table never has more rows than the fleet has leases.
 */
export async function countLeasesBesideQueue(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`
    select count(*)::integer as leases from slabmend.leases where not through_queue`;
  return row!.leases;
}

/** Leases of any kind that have not ended, begun or not. */
export async function countLeases(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`select count(*)::integer as leases from slabmend.leases`;
  return row!.leases;
}

/** Repairs that have begun and may still commit. */
export async function countRunningLeases(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`
    select count(*)::integer as leases from slabmend.leases
    where began_at is not null and expires_at > clock_timestamp()`;
  return row!.leases;
}
