import type { ISql } from "postgres";

/**
 * How many seconds ago the oldest due check became due, without the checks on silent hosts; 0: none is due. Reads one
 * entry of an index of sectors (host_id, next_integrity_check) for each host.
 */
export async function readChecksBehind(sql: ISql): Promise<number> {
  const [row] = await sql<{ seconds: number }[]>`
    select greatest(0, extract(epoch from clock_timestamp() - min(o.next_integrity_check)))::double precision as seconds
    from public.hosts h
    cross join lateral (
      select s.next_integrity_check from public.sectors s
      where s.host_id = h.id order by s.next_integrity_check limit 1
    ) o
    where not exists (select from slabmend.silent_hosts q where q.host_id = h.id and q.until > clock_timestamp())`;
  return row!.seconds ?? 0;
}

/** Due checks that slabmend made in the last 24 hours, summed from hourly rows. */
export interface CheckSums {
  readonly confirmed: number;
  readonly denied: number;
  readonly superseded: number;
  readonly wrongData: number;
  readonly unanswered: number;
  readonly hastings: bigint;
  /** Hosts that are left alone because they did not answer. */
  readonly silentHosts: number;
  readonly behindSeconds: number;
}

export async function readChecks(sql: ISql): Promise<CheckSums> {
  const [row] = await sql<
    {
      confirmed: string;
      denied: string;
      superseded: string;
      wrong_data: string;
      unanswered: string;
      hastings: string;
      silent: number;
    }[]
  >`
    select coalesce(sum(c.confirmed), 0)::text as confirmed, coalesce(sum(c.denied), 0)::text as denied,
      coalesce(sum(c.superseded), 0)::text as superseded, coalesce(sum(c.wrong_data), 0)::text as wrong_data,
      coalesce(sum(c.unanswered), 0)::text as unanswered, coalesce(sum(c.hastings), 0)::text as hastings,
      (select count(*)::integer from slabmend.silent_hosts q where q.until > clock_timestamp()) as silent
    from slabmend.checks c where c.hour > clock_timestamp() - interval '24 hours'`;
  return {
    confirmed: Number(row!.confirmed),
    denied: Number(row!.denied),
    superseded: Number(row!.superseded),
    wrongData: Number(row!.wrong_data),
    unanswered: Number(row!.unanswered),
    hastings: BigInt(row!.hastings),
    silentHosts: row!.silent,
    behindSeconds: await readChecksBehind(sql),
  };
}
