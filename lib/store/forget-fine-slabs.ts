import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "./retry-transaction.ts";

/**
 * Removes the repair history of slabs that are simply fine: repaired or healthy, no crash, no wrongly pinned shard, not
 * in quarantine. Their row was kept only so that claim knows that next_repair_attempt is ours; once that value is
 * `olderThanMs` past, which must be at least claim's grace, nobody asks. Returns how many went.
 *
 * Walks repairs_finished_idx from its old end; `skip locked`, so that no commit waits for it.
 */
export async function forgetFineSlabs(
  sql: ISql,
  options: { readonly olderThanMs: number; readonly limit: number },
): Promise<number> {
  const forget = () => sql`
    delete from slabmend.repairs r
    where r.slab_id in (
      select f.slab_id from slabmend.repairs f
      where f.last_outcome in ('repaired', 'healthy', 'never-begun')
        and f.crashes = 0 and f.bad_shards = '[]' and f.quarantined_until is null
        and f.next_repair_attempt
          < clock_timestamp() - make_interval(secs => ${options.olderThanMs}::double precision / 1000)
        and not exists (select from slabmend.leases l where l.slab_id = f.slab_id)
      order by f.finished_at
      limit ${options.limit}::integer
      for update skip locked
    )`;
  return (await retryTransaction("forget fine slabs", async () => await forget(), BRIEFLY)).count;
}
