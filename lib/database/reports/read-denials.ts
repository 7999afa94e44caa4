import type { ISql } from "postgres";
import { type HostId, type HostKey, idBytes, parseHostKey, parseRoot, type Root } from "../../slab/ids.ts";

export interface StoredDenial {
  readonly sectorId: string;
  readonly root: Root;
  readonly hostId: HostId;
  /** Null: indexd has deleted the host. */
  readonly hostKey: HostKey | null;
  readonly code: "not-found" | "corrupt";
  readonly state: "open" | "lost";
  readonly denials: number;
  readonly wholeDeniedAt: Date | null;
  readonly firstDeniedAt: Date;
  readonly lastDeniedAt: Date;
  /** `lastDeniedAt` in microseconds since the epoch, for the cursor of the next page. */
  readonly lastDeniedUs: string;
  readonly slabIds: readonly string[];
}

export interface DenialsRequest {
  readonly hostKey: HostKey | undefined;
  readonly state: "open" | "lost" | undefined;
  readonly limit: number;
  readonly after:
    | { readonly lastDeniedUs: string; readonly sectorId: string; readonly hostId: number }
    | undefined;
}

/** At most this many slabs of a shared sector are listed. */
const MOST_SLABS = 10;

/**
 * Denials and earlier locations, the latest denial first. `state` is `open` if open_denials contains the denial,
 * otherwise `lost`: so a denial of a sector that has since been moved away is `lost`. Reads denials_denied_at_idx
 * backwards, or denials_host_idx.
 */
export async function readDenials(
  sql: ISql,
  { hostKey, state, limit, after }: DenialsRequest,
): Promise<{ readonly total: number; readonly denials: readonly StoredDenial[] }> {
  const matching = sql`
    from slabmend.denials d
    left join public.hosts h on h.id = d.host_id
    cross join lateral (
      select case when exists (
        select from slabmend.open_denials() o where o.sector_id = d.sector_id and o.host_id = d.host_id
      ) then 'open' else 'lost' end as state
    ) is_
    where ${hostKey === undefined ? sql`true` : sql`h.public_key = ${idBytes(hostKey)}`}
      and ${state === undefined ? sql`true` : sql`is_.state = ${state}`}`;
  const [count] = await sql<{ total: number }[]>`select count(*)::integer as total ${matching}`;
  const rows = await sql<
    (Omit<StoredDenial, "root" | "hostKey"> & { root: string; hostKey: string | null; slabIds: string[] })[]
  >`
    select d.sector_id::text as "sectorId", encode(d.root, 'hex') as root, d.host_id as "hostId",
      encode(h.public_key, 'hex') as "hostKey", d.code, is_.state, d.denials, d.whole_denied_at as "wholeDeniedAt",
      d.first_denied_at as "firstDeniedAt", d.last_denied_at as "lastDeniedAt",
      (extract(epoch from d.last_denied_at) * 1000000)::bigint::text as "lastDeniedUs",
      (select coalesce(jsonb_agg(x.slab_id::text), '[]') from (
        select ss.slab_id from public.slab_sectors ss where ss.sector_id = d.sector_id order by ss.slab_id limit ${MOST_SLABS}
      ) x) as "slabIds"
    ${matching}
      and ${
        after === undefined
          ? sql`true`
          : sql`((extract(epoch from d.last_denied_at) * 1000000)::bigint, d.sector_id, d.host_id)
              < (${after.lastDeniedUs}::bigint, ${after.sectorId}::bigint, ${after.hostId}::integer)`
      }
    order by d.last_denied_at desc, d.sector_id desc, d.host_id desc
    limit ${limit}::integer`;
  return {
    total: count!.total,
    denials: rows.map((row) => ({
      ...row,
      root: parseRoot(row.root),
      hostKey: row.hostKey === null ? null : parseHostKey(row.hostKey),
    })),
  };
}

/** Hosts that have open denials or are suspected. */
export async function readDenyingHosts(
  sql: ISql,
): Promise<ReadonlyMap<HostId, { readonly open: number; readonly suspected: boolean }>> {
  const rows = await sql<{ id: number; open: number; suspected: boolean }[]>`
    with open as (
      select o.host_id, count(*)::integer as count from slabmend.open_denials() o group by o.host_id
    ), suspect as (
      select s.host_id from slabmend.suspected_hosts(null) s
    )
    select coalesce(o.host_id, s.host_id) as id, coalesce(o.count, 0) as open, s.host_id is not null as suspected
    from open o full join suspect s using (host_id)`;
  return new Map(rows.map(({ id, open, suspected }) => [id as HostId, { open, suspected }]));
}
