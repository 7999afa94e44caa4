import type { ISql } from "postgres";
import type { HostId } from "../../slab/ids.ts";

/** What a report says of a host and placement does not need. Reads all of hosts, a thousand rows or so. */
export async function readLostSectors(sql: ISql): Promise<ReadonlyMap<HostId, number>> {
  const rows = await sql<
    { id: number; lost: number }[]
  >`select h.id, h.lost_sectors as lost from public.hosts h`;
  return new Map(rows.map(({ id, lost }) => [id as HostId, lost]));
}
