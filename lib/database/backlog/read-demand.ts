import type { ISql } from "postgres";

export interface BacklogDemand {
  /** Slabs that may be leased now, counted up to the requested number. */
  readonly ready: number;
  /** Urgency of the most urgent slab, 0..1; 0 if there is none. */
  readonly urgency: number;
}

/** Uses the urgency index; reads at most `most` entries. */
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
