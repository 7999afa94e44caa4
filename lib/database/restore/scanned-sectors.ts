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
  /** Null: the sector has no host. */
  readonly recordedAt: HostId | null;
}

/** The columns that a statement selects for a {@link ScannedSector}. */
export interface SectorRow {
  readonly slab: string;
  readonly index: number;
  readonly root: string;
  readonly sector: string;
  readonly recorded: HostId | null;
}

export const sectorOf = ({ slab, index, root, sector, recorded }: SectorRow): ScannedSector => ({
  slabId: parseSlabId(slab),
  index,
  root: parseRoot(root),
  sectorId: BigInt(sector) as SectorId,
  recordedAt: recorded,
});

/** All sectors of the next slabs, in order of the slabs' ids. Indexes: primary keys. */
export async function readScannedSectors(
  sql: ISql,
  page: { readonly after: string; readonly slabs: number },
): Promise<readonly ScannedSector[]> {
  const rows = await sql<SectorRow[]>`
    with next as materialized (
      select s.id from public.slabs s where s.id > ${page.after}::bigint order by s.id limit ${page.slabs}
    )
    select n.id::text as slab, ss.slab_index as index, encode(x.sector_root, 'hex') as root, x.id::text as sector,
      x.host_id as recorded
    from next n
    join public.slab_sectors ss on ss.slab_id = n.id
    join public.sectors x on x.id = ss.sector_id
    order by n.id, ss.slab_index`;
  return rows.map(sectorOf);
}
