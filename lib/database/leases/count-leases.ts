import type { ISql } from "postgres";

/** Leases of all machines that lease for themselves, beside the queue. The table is never larger than the fleet. */
export async function countLeasesBesideQueue(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`
    select count(*)::integer as leases from slabmend.leases where not through_queue`;
  return row!.leases;
}

/** Leases that are not ended, of any kind, begun or not. */
export async function countLeases(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`select count(*)::integer as leases from slabmend.leases`;
  return row!.leases;
}

/** Repairs that began and may still commit. */
export async function countRunningLeases(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`
    select count(*)::integer as leases from slabmend.leases
    where began_at is not null and expires_at > clock_timestamp()`;
  return row!.leases;
}
