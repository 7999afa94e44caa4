import type { ISql } from "postgres";

export interface Affected {
  /** Sectors that were denied at or after `since` and have not been served as a whole after that denial. */
  readonly sectors: number;
  /** Slab ids (`slabs.id`) in decimal and object keys in hex; at most `limit` of each. */
  readonly slabs: readonly string[];
  readonly objects: readonly string[];
}

export interface AffectedRequest {
  readonly hostKey: string | null;
  readonly slabId: string | null;
  /** `objects.id` in decimal. */
  readonly objectIds: readonly string[] | null;
  readonly since: Date;
  readonly limit: number;
}

/**
 * The slabs and objects affected by denials in the scope of a verification. Reads slabmend.denials, so a sector that
 * its host has since served as a whole is not included. Indexes: denials_host_idx, slab_sectors (sector_id, slab_id),
 * object_slabs_slab_digest_idx.
 */
export async function readAffected(sql: ISql, request: AffectedRequest): Promise<Affected> {
  const { hostKey, slabId, objectIds, since, limit } = request;
  const scope =
    objectIds !== null
      ? sql`d.sector_id in (
          select ss.sector_id from public.object_slabs os join public.slabs s on s.digest = os.slab_digest
          join public.slab_sectors ss on ss.slab_id = s.id
          where os.object_id = any (${`{${objectIds.join(",")}}`}::text::bigint[]))`
      : slabId === null
        ? sql`d.host_id = (select h.id from public.hosts h where h.public_key = decode(${hostKey}, 'hex'))`
        : sql`d.sector_id in (select ss.sector_id from public.slab_sectors ss where ss.slab_id = ${slabId})`;
  const [row] = await sql<{ sectors: number; slabs: string[]; objects: string[] }[]>`
    with denied as materialized (
      select distinct d.sector_id from slabmend.denials d where ${scope} and d.last_denied_at >= ${since}
    ), slab as materialized (
      select distinct ss.slab_id from denied d join public.slab_sectors ss on ss.sector_id = d.sector_id
      order by ss.slab_id limit ${limit}
    )
    select (select count(*)::integer from denied) as sectors,
      to_jsonb(array(select s.slab_id::text from slab s order by s.slab_id)) as slabs,
      to_jsonb(array(
        select distinct encode(o.object_key, 'hex')
        from slab s join public.slabs b on b.id = s.slab_id
        join public.object_slabs os on os.slab_digest = b.digest
        join public.objects o on o.id = os.object_id
        order by 1 limit ${limit})) as objects`;
  return row!;
}
