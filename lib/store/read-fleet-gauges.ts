import type { ISql } from "postgres";

interface GaugesRow {
  readonly live: number;
  readonly running: number;
  readonly expired: number;
  readonly oldest_seconds: number | null;
  readonly quarantined: number;
  readonly connections: number;
}

/**
 * One statement, no lock. Reads all of leases, which is never larger than the fleet; repairs by repairs_quarantined_idx;
 * pg_stat_activity, where every role may see who is connected.
 */
export async function readFleetGauges(sql: ISql) {
  const [row] = await sql<GaugesRow[]>`
    select l.*,
      (select count(*)::integer from slabmend.repairs
       where quarantined_until is not null and quarantined_until > clock_timestamp()) as quarantined,
      (select count(*)::integer from pg_stat_activity where usename = current_user) as connections
    from (
      select count(*)::integer as live,
        count(began_at)::integer as running,
        (count(*) filter (where expires_at < clock_timestamp()))::integer as expired,
        extract(epoch from clock_timestamp() - min(leased_at))::double precision as oldest_seconds
      from slabmend.leases
    ) l`;
  return {
    liveLeases: row!.live,
    runningLeases: row!.running,
    expiredLeases: row!.expired,
    oldestLeaseSeconds: row!.oldest_seconds ?? undefined,
    quarantinedSlabs: row!.quarantined,
    databaseConnections: row!.connections,
  };
}
