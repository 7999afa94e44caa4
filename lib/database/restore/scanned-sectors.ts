import type { ISql } from "postgres";
import {
  type HostId,
  parseRoot,
  parseSlabId,
  type Root,
  type SectorId,
  type SlabId,
} from "../../slab/ids.ts";

/** A sector of a slab, and its recorded host. */
export interface ScannedSector {
  readonly slabId: SlabId;
  readonly index: number;
  readonly root: Root;
  readonly sectorId: SectorId;
  /** Null: it has no host. */
  readonly recordedAt: HostId | null;
}

/** All sectors of the next slabs by id. Indexes: primary keys. */
export async function readScannedSectors(
  sql: ISql,
  page: { readonly after: string; readonly slabs: number },
): Promise<readonly ScannedSector[]> {
  const rows = await sql<
    { slab: string; index: number; root: string; sector: string; recorded: HostId | null }[]
  >`
    with next as materialized (
      select s.id from public.slabs s where s.id > ${page.after}::bigint order by s.id limit ${page.slabs}
    )
    select n.id::text as slab, ss.slab_index as index, encode(x.sector_root, 'hex') as root, x.id::text as sector,
      x.host_id as recorded
    from next n
    join public.slab_sectors ss on ss.slab_id = n.id
    join public.sectors x on x.id = ss.sector_id
    order by n.id, ss.slab_index`;
  return rows.map((row) => ({
    slabId: parseSlabId(row.slab),
    index: row.index,
    root: parseRoot(row.root),
    sectorId: BigInt(row.sector) as SectorId,
    recordedAt: row.recorded,
  }));
}
