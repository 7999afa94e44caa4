import type { ISql } from "postgres";
import type { HostId, SectorId, SlabId } from "../../slab/ids.ts";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/** A sector that a host acknowledged, and whose root is the one recorded for the shard in the database. */
export interface Upload {
  readonly sectorId: SectorId;
  readonly hostId: HostId;
}

/**
 * A sector that is in no contract is kept by its host for 432 blocks, about three days
 * (docs/protocol.md#what-happens-after-a-migration). The last of these days is left to indexd, which has to pin the
 * sector after a commit has recorded it.
 */
const USABLE_HOURS = 48;

/**
 * Sectors that earlier repairs of this slab stored but did not commit. These notes are hints, not proofs: the host is
 * asked before the sector is recorded. Reads a few rows by primary key, without locks.
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
 * Removes upload notes that are too old, also those of deleted slabs, by the index on noted_at. Skips locked rows, so
 * it waits for no heartbeat and no commit.
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
