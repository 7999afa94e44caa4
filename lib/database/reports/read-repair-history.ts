import type { ISql } from "postgres";
import type { SlabId } from "../../slab/ids.ts";

/** What earlier repairs of a slab found that the next one heeds. */
export interface RepairHistory {
  /** Indices of shards that are pinned wrongly: rebuilding them is in vain. */
  readonly badShards: ReadonlySet<number>;
  /** Many of its hosts denied their sectors at once, in each repair for hours: by now that is no fault of ours. */
  readonly deniedForLong: boolean;
}

/** So many faults in a row, each waited for twice as long as the one before: eight hours and a half. */
const LONG_IN_SETBACKS = 8;

/** One row by primary key, no lock. */
export async function readRepairHistory(sql: ISql, slabId: SlabId): Promise<RepairHistory> {
  const [row] = await sql<{ bad: number[]; denied_for_long: boolean }[]>`
    select (select coalesce(jsonb_agg(shard->'index'), '[]') from jsonb_array_elements(r.bad_shards) as shard) as bad,
      r.last_outcome = 'fault' and coalesce(r.last_error like 'denied-by-many-hosts%', false)
        and r.setbacks >= ${LONG_IN_SETBACKS}::integer as denied_for_long
    from slabmend.repairs r where r.slab_id = ${String(slabId)}::bigint`;
  return { badShards: new Set(row?.bad), deniedForLong: row?.denied_for_long ?? false };
}
