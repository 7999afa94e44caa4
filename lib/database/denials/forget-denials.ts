import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/**
 * Removes the denials and earlier locations of deleted sectors. Returns the number of removed rows.
 *
 * Each call checks the next `limit` rows by primary key, starting where the previous call stopped (`checkpoints`), so
 * its cost does not depend on the number of rows; at the end it starts over. It skips locked rows, so that it never
 * waits for a commit.
 */
export async function forgetDenials(sql: ISql, options: { readonly limit: number }): Promise<number> {
  const forget = async (): Promise<number> => {
    const [row] = await sql<{ forgotten: number }[]>`
      with page as materialized (
        select d.sector_id, d.host_id from slabmend.denials d
        where d.sector_id > coalesce((select c.position from slabmend.checkpoints c where c.name = 'forget-denials'), 0)
        order by d.sector_id, d.host_id
        limit ${options.limit}::integer
      ), gone as (
        select d.sector_id, d.host_id from slabmend.denials d
        where (d.sector_id, d.host_id) in (select p.sector_id, p.host_id from page p)
          and not exists (select from public.sectors s where s.id = d.sector_id)
        for update of d skip locked
      ), forgotten as (
        delete from slabmend.denials d using gone g
        where d.sector_id = g.sector_id and d.host_id = g.host_id
        returning 1
      ), stands as (
        insert into slabmend.checkpoints as c (name, position, updated_at)
        select 'forget-denials', case when count(*) < ${options.limit}::integer then 0 else max(p.sector_id) end, clock_timestamp()
        from page p
        on conflict (name) do update set position = excluded.position, updated_at = excluded.updated_at
      )
      select count(*)::integer as forgotten from forgotten`;
    return row!.forgotten;
  };
  return await retryTransaction("forget denials", forget, BRIEFLY);
}
