import type { ISql } from "postgres";
import type { SlabId } from "../../slab/ids.ts";

/** Results of other workers, for comparison with one worker. */
export interface Others {
  /** Number of slabs of which another worker ended a repair within `sinceMs`. */
  readonly ended: number;
  /** Number of these slabs for which no repair moved anything, although a move was needed. */
  readonly failed: number;
  /** Those of the given slabs whose latest repair by another worker within the last day failed, too. */
  readonly alsoFailed: readonly SlabId[];
}

/**
 * At most this many of the journal's latest rows are read. They are enough for a comparison, and only a busy fleet has
 * more rows than this within `sinceMs`.
 */
const MOST_ROWS = 200;

/**
 * Reads in one statement, without locks: the latest rows of the journal by journal_finished_at_idx, and the rows of the
 * given slabs by journal_slab_id_idx.
 *
 * @param worker the part before the slash in the names that this worker uses for its repairs
 * @param slabs slabs at which this worker failed
 */
export async function readOthers(
  sql: ISql,
  {
    worker,
    slabs,
    sinceMs,
  }: { readonly worker: string; readonly slabs: readonly SlabId[]; readonly sinceMs: number },
): Promise<Others> {
  const ids = `{${slabs.join(",")}}`;
  const failed = sql`(j.moves = '[]' and j.outcome not in ('repaired', 'healthy', 'superseded'))`;
  const [row] = await sql<{ ended: number; failed: number; also_failed: string[] }[]>`
    with latest as materialized (
      select j.slab_id, j.worker, ${failed} as failed
      from slabmend.journal j
      where j.finished_at > (select clock_timestamp()) - make_interval(secs => ${sinceMs}::double precision / 1000)
      order by j.finished_at desc limit ${MOST_ROWS}::integer
    ), others as (
      select l.slab_id, bool_and(l.failed) as failed from latest l
      where split_part(l.worker, '/', 1) <> ${worker} group by l.slab_id
    ), theirs as (
      select i.slab_id, x.failed
      from unnest(${ids}::text::bigint[]) as i (slab_id)
      cross join lateral (
        select ${failed} as failed from slabmend.journal j
        where j.slab_id = i.slab_id and split_part(j.worker, '/', 1) <> ${worker}
          and j.finished_at > (select clock_timestamp()) - interval '1 day'
        order by j.finished_at desc limit 1
      ) x
    )
    select (select count(*)::integer from others) as ended,
      (select count(*)::integer from others o where o.failed) as failed,
      (select coalesce(jsonb_agg(t.slab_id::text), '[]') from theirs t where t.failed) as also_failed`;
  return {
    ended: row!.ended,
    failed: row!.failed,
    alsoFailed: row!.also_failed.map((id) => BigInt(id) as SlabId),
  };
}
