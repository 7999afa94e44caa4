/** Reads indexd's statistics and compares them with counts of the rows, for tests and the demo. */
import type { ISql } from "postgres";

type Sql = ISql;

/** The values of `stats` by name, including the deltas that are not yet folded in. */
export async function readStatistics(sql: Sql): Promise<Record<string, bigint>> {
  const rows = await sql<{ stat_name: string; value: string }[]>`
    select s.stat_name, (s.stat_value + coalesce(sum(d.stat_delta), 0))::text as value
    from stats s left join stats_deltas d using (stat_name) group by s.stat_name order by s.stat_name`;
  return Object.fromEntries(rows.map((row) => [row.stat_name, BigInt(row.value)]));
}

/**
 * Lists every statistic and host counter that differs from the number of rows that it counts; the list is empty if all
 * agree. Counters of events (sectors checked, lost, migrated) are skipped, because no rows remain to count.
 */
export async function statisticsThatDisagree(sql: Sql): Promise<string[]> {
  const rows = await sql<{ what: string; said: string; counted: string }[]>`
    with counted (stat_name, n) as (
      select 'num_slabs', count(*) from slabs
      union all select 'num_pinned_sectors', count(contract_sectors_map_id) from sectors
      union all select 'num_unpinned_sectors', count(*) from sectors
        where host_id is not null and contract_sectors_map_id is null
      union all select 'num_unpinnable_sectors', count(*) from sectors where host_id is null
      -- By name, because not every version of indexd has these columns and statistics; missing ones are skipped.
      union all select 'num_unrecoverable_slabs', count(*) from slabs s where to_jsonb(s)->>'unrecoverable_reason' is not null
      union all select 'num_stuck_slabs', count(*) from slabs s
        where s.consecutive_failed_repairs > 1 and to_jsonb(s)->>'unrecoverable_reason' is null
    ), said as (
      select s.stat_name, s.stat_value + coalesce(sum(d.stat_delta), 0) as n
      from stats s left join stats_deltas d using (stat_name) group by s.stat_name
    )
    select stat_name as what, said.n::text as said, counted.n::text as counted
    from said join counted using (stat_name) where said.n <> counted.n
    union all
    select 'unpinned_sectors of host ' || h.id, h.unpinned_sectors::text, c.n::text
    from hosts h cross join lateral (
      select count(*) as n from sectors where host_id = h.id and contract_sectors_map_id is null
    ) c where h.unpinned_sectors <> c.n`;
  return rows.map((row) => `${row.what}: said ${row.said}, counted ${row.counted}`);
}

/**
 * Folds all deltas into `stats`, as indexd's flusher does. Like the flusher, it throws if a value would become
 * negative.
 */
export async function foldStatistics(sql: Sql): Promise<void> {
  await sql`
    with taken as (delete from stats_deltas returning stat_name, stat_delta)
    update stats set stat_value = stat_value + d.n
    from (select stat_name, sum(stat_delta) as n from taken group by stat_name) d
    where d.stat_name = stats.stat_name`;
}
