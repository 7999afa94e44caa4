import type { ISql } from "postgres";
import type { HostId } from "../../slab/ids.ts";

/**
 * How many sectors each host has lost, by indexd's count: reports need it, placement does not. Reads all of hosts,
 * about a thousand rows.
 */
export async function readLostSectors(sql: ISql): Promise<ReadonlyMap<HostId, number>> {
  const rows = await sql<
    { id: number; lost: number }[]
  >`select h.id, h.lost_sectors as lost from public.hosts h`;
  return new Map(rows.map(({ id, lost }) => [id as HostId, lost]));
}
