import type { ISql } from "postgres";
import type { SlabId } from "../../slab/ids.ts";

/**
 * Indices of a slab's shards that an earlier repair found to be pinned wrongly: rebuilding them is in vain. One row by
 * primary key, no lock.
 */
export async function readBadShards(sql: ISql, slabId: SlabId): Promise<ReadonlySet<number>> {
  const rows = await sql<{ index: number }[]>`
    select (shard->>'index')::integer as index
    from slabmend.repairs r, jsonb_array_elements(r.bad_shards) as shard
    where r.slab_id = ${String(slabId)}::bigint`;
  return new Set(rows.map(({ index }) => index));
}
