import type { ISql } from "postgres";

/** Of all fleets on this database. The table is never larger than they are. */
export async function countLeases(sql: ISql): Promise<number> {
  const [row] = await sql<{ leases: number }[]>`select count(*)::integer as leases from slabmend.leases`;
  return row!.leases;
}
