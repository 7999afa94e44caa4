import type { ISql } from "postgres";

export interface ThroughputBucket {
  /** Index of the bucket, from the beginning of the range. */
  readonly bucket: number;
  readonly repairs: number;
  readonly slabs: number;
  readonly copied: number;
  readonly rebuilt: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly hastings: string;
  readonly workerSeconds: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

/**
 * Repairs that ended in a range of time, by bucket; empty buckets are absent. Reads in one statement, by
 * journal_finished_at_idx.
 */
export async function readThroughput(
  sql: ISql,
  { from, to, bucketSeconds }: { readonly from: Date; readonly to: Date; readonly bucketSeconds: number },
): Promise<readonly ThroughputBucket[]> {
  const [row] = await sql<{ buckets: ThroughputBucket[] }[]>`
    with ended as materialized (
      select
        floor(extract(epoch from j.finished_at - ${from.toISOString()}::timestamptz) / ${bucketSeconds}::integer)::integer as bucket,
        j.outcome, j.moves, j.bytes_read, j.bytes_written, j.hastings, j.finished_at - j.began_at as worked
      from slabmend.journal j
      where j.finished_at >= ${from.toISOString()}::timestamptz and j.finished_at < ${to.toISOString()}::timestamptz
    ), counted as (
      select e.bucket, jsonb_object_agg(e.outcome, e.repairs) as outcomes
      from (select bucket, outcome, count(*) as repairs from ended group by bucket, outcome) e
      group by e.bucket
    )
    select coalesce(jsonb_agg(to_jsonb(b) order by b.bucket), '[]') as buckets
    from (
      select e.bucket, count(*) as repairs,
        count(*) filter (where e.outcome in ('repaired', 'healthy')) as slabs,
        coalesce(sum(jsonb_array_length(jsonb_path_query_array(e.moves, '$[*] ? (@.how == "copied")'))), 0) as copied,
        coalesce(sum(jsonb_array_length(jsonb_path_query_array(e.moves, '$[*] ? (@.how == "rebuilt")'))), 0) as rebuilt,
        sum(e.bytes_read) as "bytesRead", sum(e.bytes_written) as "bytesWritten", sum(e.hastings)::text as hastings,
        greatest(sum(extract(epoch from e.worked)), 0) as "workerSeconds",
        (select c.outcomes from counted c where c.bucket = e.bucket) as outcomes
      from ended e group by e.bucket
    ) b`;
  return row!.buckets;
}
