/** Which sectors a verification is to look at, page by page. Reads only; indexes: sectors (host_id, sector_root), primary keys. */
import type { ISql } from "postgres";
import {
  type HostId,
  type HostKey,
  parseRoot,
  type Root,
  type SectorId,
  type SlabId,
} from "../../slab/ids.ts";

export interface ScopePage {
  readonly sectorIds: readonly SectorId[];
  /** The last root of the page; null: there is nothing behind `after`. */
  readonly last: Root | null;
}

const NO_ROOT = Buffer.alloc(0);

function pageOf(rows: readonly { readonly id: string; readonly root: string }[]): ScopePage {
  const last = rows.at(-1);
  return {
    sectorIds: rows.map(({ id }) => BigInt(id) as SectorId),
    last: last === undefined ? null : parseRoot(last.root),
  };
}

/** The host's next sectors by ascending root. */
export async function readHostPage(
  sql: ISql,
  request: { readonly hostId: HostId; readonly after: Root | null; readonly limit: number },
): Promise<ScopePage> {
  const after = request.after === null ? NO_ROOT : Buffer.from(request.after, "hex");
  return pageOf(
    await sql<{ id: string; root: string }[]>`
      select s.id::text, encode(s.sector_root, 'hex') as root from public.sectors s
      where s.host_id = ${request.hostId} and s.sector_root > ${after}::bytea
      order by s.sector_root limit ${request.limit}`,
  );
}

/** The slab's next sectors by ascending root, also those without a host. */
export async function readSlabPage(
  sql: ISql,
  request: { readonly slabId: SlabId; readonly after: Root | null; readonly limit: number },
): Promise<ScopePage> {
  const after = request.after === null ? NO_ROOT : Buffer.from(request.after, "hex");
  return pageOf(
    await sql<{ id: string; root: string }[]>`
      select s.id::text, encode(s.sector_root, 'hex') as root
      from public.slab_sectors ss join public.sectors s on s.id = ss.sector_id
      where ss.slab_id = ${String(request.slabId)} and s.sector_root > ${after}::bytea
      order by s.sector_root limit ${request.limit}`,
  );
}

/** A range of roots, by their first 8 bytes, and which of the host's sectors in it is drawn, counted from 0. */
export interface RootWindow {
  readonly from: bigint;
  /** Excluded; null: to the end. */
  readonly to: bigint | null;
  readonly place: number;
}

/** What each window draws: null where it has fewer sectors than that. */
export async function readDraws(
  sql: ISql,
  hostId: HostId,
  windows: readonly RootWindow[],
): Promise<readonly (SectorId | null)[]> {
  const text = JSON.stringify(
    windows.map(({ from, to, place }) => ({
      from: prefix(from),
      to: to === null ? null : prefix(to),
      place,
    })),
  );
  const rows = await sql<{ id: string | null }[]>`
    select s.id::text
    from jsonb_array_elements(${text}::text::jsonb) with ordinality as w (value, at)
    left join lateral (
      select x.id from public.sectors x
      where x.host_id = ${hostId} and x.sector_root >= decode(w.value->>'from', 'hex')
        and (w.value->>'to' is null or x.sector_root < decode(w.value->>'to', 'hex'))
      order by x.sector_root offset (w.value->>'place')::integer limit 1
    ) s on true
    order by w.at`;
  return rows.map(({ id }) => (id === null ? null : (BigInt(id) as SectorId)));
}

const prefix = (value: bigint): string => value.toString(16).padStart(16, "0");

/** A host by its key; undefined: indexd knows none. */
export async function findHost(sql: ISql, hostKey: HostKey): Promise<HostId | undefined> {
  const [row] = await sql<{ id: number }[]>`
    select h.id from public.hosts h where h.public_key = ${Buffer.from(hostKey, "hex")}`;
  return row?.id as HostId | undefined;
}

/** How many sectors indexd has on the host: one scan of its part of an index. */
export async function countHostSectors(sql: ISql, hostId: HostId): Promise<number> {
  const [row] = await sql<{ count: string }[]>`
    select count(*)::text as count from public.sectors s where s.host_id = ${hostId}`;
  return Number(row!.count);
}

/** Sectors of a slab by where they are; null: on no host. */
export async function countSlabSectors(
  sql: ISql,
  slabId: SlabId,
): Promise<readonly { readonly hostId: HostId | null; readonly sectors: number }[]> {
  return await sql<{ hostId: HostId | null; sectors: number }[]>`
    select s.host_id as "hostId", count(*)::integer as sectors
    from public.slab_sectors ss join public.sectors s on s.id = ss.sector_id
    where ss.slab_id = ${String(slabId)} group by s.host_id`;
}
