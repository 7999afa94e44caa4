import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/**
 * Removes rows of slabmend.repairs that are no longer needed. If a slab's last outcome is `repaired`, `healthy` or
 * `never-begun`, and the slab has no crash, no wrongly pinned shard and no quarantine, its row only tells claim that
 * next_repair_attempt was written by us. Such a row is removed once next_repair_attempt lies `olderThanMs` (at least
 * claim's grace) in the past. The rows of deleted slabs are removed too, whatever their state. Rows of leased slabs
 * stay. Returns the number of removed rows.
 *
 * Each call checks the next `limit` rows by primary key, starting where the previous call stopped (`checkpoints`), so
 * its cost does not depend on the number of rows; at the end it starts over. It skips locked rows, so that it never
 * waits for a commit.
 */
export async function forgetFineSlabs(
  sql: ISql,
  options: { readonly olderThanMs: number; readonly limit: number },
): Promise<number> {
  const forget = async (): Promise<number> => {
    const [row] = await sql<{ forgotten: number }[]>`
      with page as materialized (
        select r.slab_id from slabmend.repairs r
        where r.slab_id > coalesce((select c.position from slabmend.checkpoints c where c.name = 'forget'), 0)
        order by r.slab_id
        limit ${options.limit}::integer
      ), forgotten as (
        delete from slabmend.repairs r
        where r.slab_id = any (array(
          select f.slab_id from slabmend.repairs f
          where f.slab_id = any (array(select p.slab_id from page p))
            and not exists (select from slabmend.leases l where l.slab_id = f.slab_id)
            and (
              f.last_outcome in ('repaired', 'healthy', 'never-begun')
                and f.crashes = 0 and f.bad_shards = '[]' and f.quarantined_until is null
                and f.next_repair_attempt
                  < clock_timestamp() - make_interval(secs => ${options.olderThanMs}::double precision / 1000)
              or not exists (select from public.slabs s where s.id = f.slab_id)
            )
          for update of f skip locked
        ))
        returning 1
      ), stands as (
        insert into slabmend.checkpoints as c (name, position, updated_at)
        select 'forget', case when count(*) < ${options.limit}::integer then 0 else max(p.slab_id) end, clock_timestamp()
        from page p
        on conflict (name) do update set position = excluded.position, updated_at = excluded.updated_at
      )
      select count(*)::integer as forgotten from forgotten`;
    return row!.forgotten;
  };
  return await retryTransaction("forget fine slabs", forget, BRIEFLY);
}
