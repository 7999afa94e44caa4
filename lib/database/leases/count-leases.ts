import type { ISql } from "postgres";

/** Leases of all machines that lease for themselves, beside the queue. The table is never larger than the fleet. */
export async function countLeasesBesideQueue(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`
    select count(*)::integer as leases from slabmend.leases where not through_queue`;
  return row!.leases;
}

/** Leases of any kind. `running`: begun, and not expired. */
export async function countLeases(sql: ISql): Promise<{ readonly all: number; readonly running: number }> {
  const [row] = await sql<{ all: number; running: number }[]>`
    select count(*)::integer as all,
      (count(*) filter (where began_at is not null and expires_at > clock_timestamp()))::integer as running
    from slabmend.leases`;
  return row!;
}
