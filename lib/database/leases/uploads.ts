import type { ISql } from "postgres";
import type { HostId, SectorId, SlabId } from "../../slab/ids.ts";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/** A sector acknowledged by a host, with the pinned root. */
export interface Upload {
  readonly sectorId: SectorId;
  readonly hostId: HostId;
}

/**
 * Hosts keep a sector that is in no contract for 432 blocks, about three days
 * (docs/protocol.md#what-happens-after-a-migration). Of these days indexd gets the last one, to pin recorded sectors.
 */
const USABLE_HOURS = 48;

/**
 * Sectors that earlier repairs of this slab stored but did not commit. A hint, not a proof: the host is asked before the sector
 * is recorded. A few rows by primary key, no locks.
 */
export async function readUploads(sql: ISql, slabId: SlabId): Promise<readonly Upload[]> {
  const rows = await sql<{ sector_id: string; host_id: number }[]>`
    select u.sector_id::text, u.host_id from slabmend.uploads u
    where u.slab_id = ${String(slabId)}::bigint
      and u.noted_at > clock_timestamp() - make_interval(hours => ${USABLE_HOURS}::integer)
    order by u.noted_at desc, u.sector_id, u.host_id`;
  return rows.map((row) => ({ sectorId: BigInt(row.sector_id) as SectorId, hostId: row.host_id as HostId }));
}

/**
 * Removes uploads that are too old, by their index; so also those of deleted slabs. `skip locked`: no heartbeat or commit waits
 * for it.
 */
export async function forgetUploads(sql: ISql, limit: number): Promise<number> {
  const forget = async (): Promise<number> => {
    const gone = await sql`
      delete from slabmend.uploads u
      where u.ctid = any (array(
        select f.ctid from slabmend.uploads f
        where f.noted_at <= (select clock_timestamp()) - make_interval(hours => ${USABLE_HOURS}::integer)
        limit ${limit}::integer
        for update of f skip locked
      ))`;
    return gone.count;
  };
  return await retryTransaction("forget uploads", forget, BRIEFLY);
}
