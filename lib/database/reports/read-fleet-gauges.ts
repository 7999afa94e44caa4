import type { ISql } from "postgres";
import { readFollowers } from "../journal/followers.ts";
import { readSlot } from "../move/publication.ts";
import { readChecksBehind } from "./read-checks.ts";

interface GaugesRow {
  readonly live: number;
  readonly running: number;
  readonly expired: number;
  readonly oldest_seconds: number | null;
  readonly lately: number;
  readonly half_hour: number;
  readonly faults: number;
  readonly at_risk: number;
  readonly quarantined: number;
  readonly connections: number;
  readonly backlog: readonly { readonly margin: number; readonly slabs: number }[];
  readonly underfunded: number;
  readonly run_idle_seconds: number | null;
  readonly failed_runs: number;
}

/**
 * indexd funds accounts every two minutes. If no worker has found a host's account empty during this window, then
 * indexd has funded the account, or no repair uses the host.
 */
const UNDERFUNDED_WINDOW_SECONDS = 600;

/**
 * One period of two alarms. The first compares the crashes in a period with the repairs in it. The second counts a slab
 * at risk only in the period in which its repair ended.
 */
const LATELY_SECONDS = 300;

/** One period of the alarm about errors: long enough for a small fleet to finish a few repairs. */
const HALF_HOUR_SECONDS = 1_800;

/** How long a failed maintenance run is reported. */
const HOUR_SECONDS = 3_600;

/**
 * The state of the fleet, for metrics. Three statements, no locks. Reads all of leases (one row per lease, and the
 * fleet limits its leases) and of backlog (one row per unhealthy slab), and repairs by repairs_quarantined_idx. Reads
 * the journal's last half hour by journal_finished_at_idx, up to statement_timestamp(): with clock_timestamp() the
 * planner would expect to read a third of the journal. The number of sessions comes from pg_stat_activity, and the log
 * that a slot keeps from pg_replication_slots; every role may read both.
 * @param options.dueChecks also read due checks, because this fleet makes them
 */
export async function readFleetGauges(
  sql: ISql,
  { dueChecks = false }: { readonly dueChecks?: boolean } = {},
) {
  const [row] = await sql<GaugesRow[]>`
    select l.*,
      j.*, k.*,
      (select count(*)::integer from slabmend.repairs
       where quarantined_until is not null and quarantined_until > (select clock_timestamp())) as quarantined,
      (select count(*)::integer from pg_stat_activity where usename = current_user) as connections,
      (select coalesce(jsonb_agg(jsonb_build_object('margin', b.margin, 'slabs', b.slabs)), '[]')
       from (select margin, count(*) as slabs from slabmend.backlog group by margin) b) as backlog,
      (select count(*)::integer from slabmend.host_scores
       where out_of_funds_at > clock_timestamp() - make_interval(secs => ${UNDERFUNDED_WINDOW_SECONDS})) as underfunded,
      (select extract(epoch from clock_timestamp() - r.moved_at)::double precision from slabmend.runs r
       where r.finished_at is null and r.state <> 'paused'
         and (r.kind <> 'move-database' or (select f.mode from slabmend.fleet f) = 'maintenance')) as run_idle_seconds,
      (select count(*)::integer from slabmend.runs r
       where r.state = 'failed' and r.finished_at > (select clock_timestamp()) - make_interval(secs => ${HOUR_SECONDS})) as failed_runs
    from (
      select count(*)::integer as live,
        count(began_at)::integer as running,
        (count(*) filter (where expires_at < clock_timestamp()))::integer as expired,
        extract(epoch from clock_timestamp() - min(leased_at))::double precision as oldest_seconds
      from slabmend.leases
    ) l
    cross join (
      select (count(*) filter (where finished_at > statement_timestamp() - make_interval(secs => ${LATELY_SECONDS})))::integer as lately,
        count(*)::integer as half_hour,
        (count(*) filter (where outcome = 'fault'))::integer as faults
      from slabmend.journal
      where finished_at > statement_timestamp() - make_interval(secs => ${HALF_HOUR_SECONDS})
        and outcome not in ('crashed', 'superseded')
    ) j
    cross join (
      -- Separate: counting distinct slabs above would sort half an hour of the journal.
      select count(distinct slab_id)::integer as at_risk
      from slabmend.journal
      where finished_at > statement_timestamp() - make_interval(secs => ${LATELY_SECONDS}) and outcome = 'too-few-sources'
    ) k`;
  return {
    liveLeases: row!.live,
    runningLeases: row!.running,
    expiredLeases: row!.expired,
    oldestLeaseSeconds: row!.oldest_seconds ?? undefined,
    repairsLately: row!.lately,
    repairsInHalfHour: row!.half_hour,
    faultsInHalfHour: row!.faults,
    slabsFoundAtRisk: row!.at_risk,
    quarantinedSlabs: row!.quarantined,
    databaseConnections: row!.connections,
    backlog: new Map(row!.backlog.map(({ margin, slabs }) => [margin, slabs])),
    underfundedHosts: row!.underfunded,
    runIdleSeconds: row!.run_idle_seconds ?? undefined,
    failedRuns: row!.failed_runs,
    followers: await readFollowers(sql),
    moveSlot: await readSlot(sql),
    checksBehindSeconds: dueChecks ? await readChecksBehind(sql) : undefined,
  };
}
