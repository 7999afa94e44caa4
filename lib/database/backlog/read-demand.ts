import type { ISql } from "postgres";

export interface BacklogDemand {
  /** Slabs that may be leased now, at most as many as were asked for. */
  readonly ready: number;
  /** Of the most urgent of them, 0..1; 0 without any. */
  readonly urgency: number;
}

/** By the index of urgency; reads `most` entries at most. */
export async function readDemand(sql: ISql, most: number): Promise<BacklogDemand> {
  const [row] = await sql<BacklogDemand[]>`
    select count(*)::integer as ready, coalesce(max(r.urgency), 0)::double precision as urgency
    from (
      select b.urgency from slabmend.backlog b where b.ready
      order by b.urgency desc, b.waiting_since, b.slab_id
      limit ${most}::integer
    ) r`;
  return row!;
}
