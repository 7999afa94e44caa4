import type { ISql } from "postgres";
import type { SlabId } from "../../slab/ids.ts";

/** Findings of a slab's earlier repairs that the next repair uses. */
export interface RepairHistory {
  /** Indices of wrongly pinned shards: rebuilding them is useless. */
  readonly badShards: ReadonlySet<number>;
  /**
   * True: the slab's repairs have failed for hours, the last one because several of its hosts denied their sectors at
   * once. A fault on our side would not last so long.
   */
  readonly deniedForLong: boolean;
}

/**
 * This many faults in a row take eight and a half hours, because the wait after each fault is twice as long as the one
 * before.
 */
const LONG_IN_SETBACKS = 8;

/** Reads one row by primary key, without locks. */
export async function readRepairHistory(sql: ISql, slabId: SlabId): Promise<RepairHistory> {
  const [row] = await sql<{ bad: number[]; denied_for_long: boolean }[]>`
    select (select coalesce(jsonb_agg(shard->'index'), '[]') from jsonb_array_elements(r.bad_shards) as shard) as bad,
      r.last_outcome = 'fault' and coalesce(r.last_error like 'denied-by-many-hosts%', false)
        and r.setbacks >= ${LONG_IN_SETBACKS}::integer as denied_for_long
    from slabmend.repairs r where r.slab_id = ${String(slabId)}::bigint`;
  return { badShards: new Set(row?.bad), deniedForLong: row?.denied_for_long ?? false };
}
