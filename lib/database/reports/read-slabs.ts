import type { ISql } from "postgres";
import type { SlabId } from "../../slab/ids.ts";

/** Filter for slabs of the backlog, and the start of the page. */
export interface SlabsFilter {
  /** A slab is in danger if its loss probability is above this, or if its last repair found too few sources. */
  readonly dangerAbove: number;
  readonly onlyInDanger: boolean;
  readonly mostMargin: number | null;
  readonly cause: string | null;
  /** Only this slab. */
  readonly slabId: SlabId | null;
  readonly after: { readonly loss: number; readonly slabId: SlabId } | null;
  readonly limit: number;
}

/** Times in milliseconds since the epoch. */
export interface SlabFacts {
  readonly slabId: string;
  readonly digest: string | null;
  readonly minShards: number | null;
  readonly totalShards: number;
  readonly margin: number;
  readonly loss: number;
  readonly inDanger: boolean;
  readonly causes: Readonly<Record<string, number>>;
  readonly since: Readonly<Record<string, number>>;
  readonly waitingSinceMs: number;
  readonly ready: boolean;
  readonly lookAtMs: number;
  readonly leasedUntilMs: number | null;
  readonly quarantinedUntilMs: number | null;
  readonly lastOutcome: string | null;
  readonly lastError: string | null;
  readonly endedAtMs: number | null;
  readonly objects: ObjectsOfSlab;
}

export interface ObjectsOfSlab {
  /** At most {@link COUNTED_OBJECTS}. */
  readonly count: number;
  readonly more: boolean;
  readonly keys: readonly string[];
}

/** Objects are counted up to this number, because a slab may belong to a million objects. */
const COUNTED_OBJECTS = 1_000;

/**
 * A page of the backlog, the slabs most likely to be lost first, in one statement and one snapshot; no locks. Reads the
 * whole backlog (one row per unhealthy slab: docs/decisions/0022-reports-and-logs.md), then the data of the page's
 * slabs by primary key, and objects by object_slabs_slab_digest_idx.
 */
export async function readSlabs(
  sql: ISql,
  filter: SlabsFilter,
): Promise<{
  readonly at: Date;
  readonly matching: number;
  readonly walkFinishedAt: Date | null;
  readonly slabs: readonly SlabFacts[];
}> {
  const { dangerAbove, onlyInDanger, mostMargin, cause, after, limit } = filter;
  const slabId = filter.slabId === null ? null : String(filter.slabId);
  const [row] = await sql<
    { at: Date; matching: number; walk_finished_at: Date | null; slabs: SlabFacts[] }[]
  >`
    with matching as materialized (
      select b.slab_id, b.loss, d.in_danger
      from slabmend.backlog b
      left join slabmend.repairs r on r.slab_id = b.slab_id
      cross join lateral (select ${inDanger(sql, dangerAbove)} as in_danger) d
      where (not ${onlyInDanger}::boolean or d.in_danger)
        and (${mostMargin}::integer is null or b.margin <= ${mostMargin}::integer)
        and (${cause}::text is null or b.causes ? ${cause}::text)
        and (${slabId}::bigint is null or b.slab_id = ${slabId}::bigint)
    ), page as materialized (
      select m.* from matching m
      where ${after === null}::boolean
        or m.loss < ${after?.loss ?? 0}::float8
        or m.loss = ${after?.loss ?? 0}::float8 and m.slab_id > ${String(after?.slabId ?? 0n)}::bigint
      order by m.loss desc, m.slab_id
      limit ${limit}::integer
    )
    select clock_timestamp() as at,
      (select count(*)::integer from matching) as matching,
      (select min(w.finished_at) from slabmend.walks w having bool_and(w.finished_at is not null)) as walk_finished_at,
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'slabId', p.slab_id::text, 'digest', encode(s.digest, 'hex'), 'minShards', s.min_shards,
          'totalShards', (select count(*) from public.slab_sectors x where x.slab_id = p.slab_id),
          'margin', b.margin, 'loss', b.loss, 'inDanger', p.in_danger, 'causes', b.causes, 'since', b.since,
          'waitingSinceMs', ${ms(sql, "b.waiting_since")}, 'ready', b.ready, 'lookAtMs', ${ms(sql, "b.look_at")},
          'leasedUntilMs', ${ms(sql, "l.expires_at")},
          'quarantinedUntilMs', case when r.quarantined_until > clock_timestamp() then ${ms(sql, "r.quarantined_until")} end,
          'lastOutcome', r.last_outcome, 'lastError', r.last_error, 'endedAtMs', ${ms(sql, "r.finished_at")},
          'objects', o.objects
        ) order by p.loss desc, p.slab_id), '[]')
        from page p
        join slabmend.backlog b on b.slab_id = p.slab_id
        left join lateral (select x.digest, x.min_shards from public.slabs x where x.id = p.slab_id offset 0) s on true
        left join slabmend.leases l on l.slab_id = p.slab_id
        left join slabmend.repairs r on r.slab_id = p.slab_id
        cross join lateral (${objectsOfDigest(sql, "s.digest", 5)}) o
      ) as slabs`;
  const { at, matching, walk_finished_at: walkFinishedAt, slabs } = row!;
  return { at, matching, walkFinishedAt, slabs };
}

/**
 * A condition on slabmend.backlog as b and slabmend.repairs as r. A drain endangers no slab, even one whose erasure
 * code tolerates few losses.
 */
export const inDanger = (sql: ISql, dangerAbove: number) =>
  sql`(b.loss > ${dangerAbove}::float8 and b.causes - 'draining' <> '{}' or coalesce(r.last_outcome = 'too-few-sources', false))`;

const ms = (sql: ISql, expression: string) => sql.unsafe(`extract(epoch from ${expression}) * 1000`);

/**
 * A subquery with one column, `objects`: the {@link ObjectsOfSlab} of the slab with this digest, with at most `keys`
 * keys.
 */
export function objectsOfDigest(sql: ISql, digest: string, keys: number) {
  return sql.unsafe(`
    select jsonb_build_object(
      'count', least(count(*), ${COUNTED_OBJECTS}), 'more', count(*) > ${COUNTED_OBJECTS},
      'keys', coalesce((
        select jsonb_agg(encode(k.object_key, 'hex'))
        from (
          select distinct o.object_key
          from (
            select x.object_id from public.object_slabs x where x.slab_digest = ${digest} limit ${COUNTED_OBJECTS}
          ) y
          join public.objects o on o.id = y.object_id
          order by o.object_key limit ${keys}
        ) k), '[]')) as objects
    from (
      select distinct y.object_id
      from (
        select x.object_id from public.object_slabs x where x.slab_digest = ${digest} limit ${COUNTED_OBJECTS + 1}
      ) y
    ) c`);
}
