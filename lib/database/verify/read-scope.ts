/**
 * The sectors in the scope of a verification, page by page. Reads only; indexes: sectors (host_id, sector_root),
 * primary keys.
 */
import type { ISql } from "postgres";
import {
  type HostId,
  type HostKey,
  parseRoot,
  type Root,
  type SectorId,
  type SlabDigest,
  type SlabId,
} from "../../slab/ids.ts";

export interface ScopePage {
  readonly sectorIds: readonly SectorId[];
  /** The last root of the page; null: the page is empty, because no root follows `after`. */
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

/** The host's next sectors after the root `after`, by ascending root. */
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

/** The slab's next sectors after the root `after`, by ascending root, including sectors without a host. */
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

/**
 * The next slab of these objects by ascending digest; undefined: no slab follows `after`. Index: primary key of
 * object_slabs.
 */
export async function readObjectSlab(
  sql: ISql,
  request: { readonly objectIds: readonly string[]; readonly after: SlabDigest | null },
): Promise<SlabDigest | undefined> {
  const after = request.after === null ? NO_ROOT : Buffer.from(request.after, "hex");
  const [row] = await sql<{ digest: SlabDigest }[]>`
    select encode(min(n.slab_digest), 'hex') as digest
    from unnest(${`{${request.objectIds.join(",")}}`}::text::bigint[]) o (id)
    cross join lateral (
      select os.slab_digest from public.object_slabs os
      where os.object_id = o.id and os.slab_digest > ${after}::bytea
      order by os.slab_digest limit 1
    ) n
    having count(*) > 0`;
  return row?.digest;
}

/** Undefined: the slab was deleted. */
export async function findSlabOf(sql: ISql, digest: SlabDigest): Promise<SlabId | undefined> {
  const [row] = await sql<{ id: string }[]>`
    select s.id::text from public.slabs s where s.digest = ${Buffer.from(digest, "hex")}`;
  return row === undefined ? undefined : (BigInt(row.id) as SlabId);
}

/** The objects with this key, of all accounts, and the number of sectors of their slabs. */
export async function findObject(
  sql: ISql,
  key: string,
): Promise<{ readonly ids: readonly string[]; readonly sectors: number }> {
  const [row] = await sql<{ ids: string[]; sectors: number }[]>`
    with object as materialized (
      select o.id from public.objects o where o.object_key = ${Buffer.from(key, "hex")}
    ), slab as materialized (
      select distinct os.slab_digest from object o join public.object_slabs os on os.object_id = o.id
    )
    select to_jsonb(array(select o.id::text from object o order by o.id)) as ids,
      (
        select count(*)::integer from slab b join public.slabs s on s.digest = b.slab_digest
        join public.slab_sectors ss on ss.slab_id = s.id
      ) as sectors`;
  return row!;
}

/**
 * A range of roots, given by their first 8 bytes. `place` says which of the host's sectors in this range to draw,
 * counted from 0 by ascending root.
 */
export interface RootWindow {
  readonly from: bigint;
  /** Exclusive; null: to the end. */
  readonly to: bigint | null;
  readonly place: number;
}

/** The sector drawn from each window; null: the window has too few sectors. */
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

/** A host by its key; undefined: unknown to indexd. */
export async function findHost(sql: ISql, hostKey: HostKey): Promise<HostId | undefined> {
  const [row] = await sql<{ id: number }[]>`
    select h.id from public.hosts h where h.public_key = ${Buffer.from(hostKey, "hex")}`;
  return row?.id as HostId | undefined;
}

/** Number of sectors that indexd has on the host: one scan of the host's part of an index. */
export async function countHostSectors(sql: ISql, hostId: HostId): Promise<number> {
  const [row] = await sql<{ count: string }[]>`
    select count(*)::text as count from public.sectors s where s.host_id = ${hostId}`;
  return Number(row!.count);
}

/** Number of a slab's sectors on each host; `hostId` null: sectors on no host. */
export async function countSlabSectors(
  sql: ISql,
  slabId: SlabId,
): Promise<readonly { readonly hostId: HostId | null; readonly sectors: number }[]> {
  return await sql<{ hostId: HostId | null; sectors: number }[]>`
    select s.host_id as "hostId", count(*)::integer as sectors
    from public.slab_sectors ss join public.sectors s on s.id = ss.sector_id
    where ss.slab_id = ${String(slabId)} group by s.host_id`;
}

/** Like {@link countSlabSectors}, summed over all slabs of these objects. */
export async function countObjectSectors(
  sql: ISql,
  objectIds: readonly string[],
): Promise<readonly { readonly hostId: HostId | null; readonly sectors: number }[]> {
  return await sql<{ hostId: HostId | null; sectors: number }[]>`
    with slab as materialized (
      select distinct os.slab_digest from public.object_slabs os
      where os.object_id = any (${`{${objectIds.join(",")}}`}::text::bigint[])
    )
    select s.host_id as "hostId", count(*)::integer as sectors
    from slab b join public.slabs l on l.digest = b.slab_digest
    join public.slab_sectors ss on ss.slab_id = l.id join public.sectors s on s.id = ss.sector_id
    group by s.host_id`;
}
