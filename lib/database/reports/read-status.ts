import type { ISql } from "postgres";
import { type FleetMode, fleetModeOf } from "../fleet/fleet-mode.ts";
import { type FollowerState, readFollowers } from "../journal/followers.ts";
import { readUnfinishedRun } from "../runs/maintenance-runs.ts";
import type { Run } from "../runs/run.ts";
import { type CheckSums, readChecks } from "./read-checks.ts";
import { inDanger } from "./read-slabs.ts";

export interface BacklogOfMargin {
  /** Sectors on good hosts, under any contract, minus min_shards; negative: too few are left to rebuild the slab. */
  readonly margin: number;
  /** Slabs that may be leased now. */
  readonly ready: number;
  /** Slabs that must wait for the end of a grace period or a lease, or for the time of the next attempt. */
  readonly waiting: number;
  /** Slabs whose loss probability is above the threshold, or whose last repair found too few sources. */
  readonly inDanger: number;
}

export interface WalkOfCause {
  readonly cause: string;
  /** When the last complete pass ended, in milliseconds since the epoch; null: there was none yet. */
  readonly finishedAtMs: number | null;
  readonly passMs: number | null;
}

/** The contents of the tables; lib/reports draws the conclusions. */
export interface StatusFacts {
  /** By the database's clock. */
  readonly at: Date;
  readonly dayStart: Date;
  readonly backlog: readonly BacklogOfMargin[];
  /** Slabs with fewer readable sectors than min_shards. */
  readonly beyondRescue: number;
  readonly slabs: { readonly total: number | null; readonly isExact: boolean };
  readonly walks: readonly WalkOfCause[];
  readonly claimedAt: Date | null;
  readonly reapedAt: Date | null;
  readonly leases: {
    readonly unsent: number;
    readonly sent: number;
    readonly running: number;
    readonly expired: number;
    readonly oldestSeconds: number | null;
  };
  /** Repairs by outcome that ended in the last hour. */
  readonly lastHour: Readonly<Record<string, number>>;
  /** Slabs repaired or found healthy in the last ten minutes. */
  readonly finishedInTenMinutes: number;
  /** Since midnight UTC. */
  readonly today: {
    readonly repairs: number;
    readonly sectorsCopied: number;
    readonly sectorsRebuilt: number;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly hastings: bigint;
    /** Sum of the times from begin to commit. Lambda bills this time and the start-up. */
    readonly workerSeconds: number;
  };
  readonly deadLetters: number;
  readonly quarantined: number;
  /** Since when indexd's prunes have been held after a restore; null: they are not held. */
  readonly prunesHeldSince: Date | null;
  /** Slabs whose last repair found too few sources. */
  readonly atRisk: number;
  /** Slabs whose objects' events have not been bumped yet. */
  readonly eventsToBump: number;
  readonly mode: FleetMode;
  readonly breaker: { readonly open: boolean; readonly since: Date; readonly backoffUntil: Date | null };
  /**
   * The result of claim's last comparison of costs and limits; null: claim has compared nothing since midnight UTC, and
   * midnight ended any stop of the day before.
   */
  readonly budget: {
    readonly limits: Readonly<Record<string, string>>;
    readonly spent: Readonly<Record<string, string>>;
    readonly stoppedBy: readonly string[];
    readonly stoppedSince: Date | null;
    readonly checkedAt: Date;
  } | null;
  /** Followers of the journal: `totals`, and the archive if there is one. */
  readonly followers: readonly FollowerState[];
  /** Checks of the last 24 hours. */
  readonly checks: CheckSums;
  /** The unfinished maintenance run. */
  readonly run: Run | undefined;
  readonly indexd: {
    readonly databaseVersion: number | null;
    readonly verdict: string | null;
    readonly hosts: number;
    readonly lastScanAt: Date | null;
    readonly unpinnedSectors: number;
    readonly oldestUnpinnedAt: Date | null;
  };
}

interface Row {
  readonly at: Date;
  readonly day_start: Date;
  readonly backlog: BacklogOfMargin[];
  readonly beyond_rescue: number;
  readonly counted: number;
  readonly estimate: number;
  readonly walks: WalkOfCause[];
  readonly unsent: number;
  readonly sent: number;
  readonly running: number;
  readonly expired: number;
  readonly oldest_seconds: number | null;
  readonly last_hour: Record<string, number>;
  readonly finished: number;
  readonly repairs: number;
  readonly copied: number;
  readonly rebuilt: number;
  readonly bytes_read: string;
  readonly bytes_written: string;
  readonly hastings: string;
  readonly worker_seconds: number;
  readonly dead_letters: number;
  readonly quarantined: number;
  readonly prunes_held_since: Date | null;
  readonly at_risk: number;
  readonly moved: number;
  readonly breaker_open: boolean;
  readonly breaker_since: Date;
  readonly backoff_until: Date | null;
  readonly claimed_at: Date | null;
  readonly reaped_at: Date | null;
  readonly mode: FleetMode["kind"];
  readonly mode_owner: string | null;
  readonly mode_reason: string | null;
  readonly mode_since: Date | null;
  readonly budget: {
    readonly limits: Record<string, unknown>;
    readonly spent: Record<string, unknown>;
    readonly stopped_by: string[];
  } | null;
  readonly stopped_since: Date | null;
  readonly checked_at: Date | null;
  readonly db_version: number | null;
  readonly verdict: string | null;
  readonly hosts: number;
  readonly last_scan: Date | null;
  readonly unpinned: number;
  readonly oldest_unpinned: Date | null;
}

/**
 * Up to this number slabs are counted; beyond it PostgreSQL's estimate is used, because counting ten million takes
 * seconds.
 */
const COUNTED_SLABS = 10_000;

/**
 * The facts for `status`: most of them in one statement and one snapshot; the journal's followers, the due checks and
 * the maintenance run are read afterwards. Takes no locks. Reads an hour of the journal by journal_finished_at_idx and
 * the day by work-since.sql; all of backlog (one row per unhealthy slab), repairs and hosts; the oldest unpinned sector
 * by sectors_uploaded_at_unpinned_idx.
 * @param dangerAbove loss probability above which a slab is in danger
 */
export async function readStatus(
  sql: ISql,
  { dangerAbove }: { readonly dangerAbove: number },
): Promise<StatusFacts> {
  const [row] = await sql<Row[]>`
    with now as materialized (
      select clock_timestamp() as at, date_trunc('day', clock_timestamp(), 'UTC') as day_start
    ), lately as materialized (
      select j.outcome, j.finished_at from slabmend.journal j
      -- Not clock_timestamp(), for which the planner assumes a third of the journal.
      where j.finished_at > statement_timestamp() - interval '1 hour'
    )
    select (select n.at from now n) as at, (select n.day_start from now n) as day_start,
      (
        select coalesce(jsonb_agg(to_jsonb(m) order by m.margin), '[]')
        from (
          select b.margin, count(*) filter (where b.ready) as ready, count(*) filter (where not b.ready) as waiting,
            count(*) filter (where ${inDanger(sql, dangerAbove)}) as "inDanger"
          from slabmend.backlog b left join slabmend.repairs r on r.slab_id = b.slab_id group by b.margin
        ) m
      ) as backlog,
      -- judge-slab.ts gives slabs beyond rescue this urgency and this loss.
      (select count(*)::integer from slabmend.backlog b where b.urgency = 0 and b.loss = 1) as beyond_rescue,
      (select count(*)::integer from (select from public.slabs s limit ${COUNTED_SLABS + 1}::integer) s) as counted,
      (select c.reltuples::float8 from pg_class c where c.oid = 'public.slabs'::regclass) as estimate,
      (
        select coalesce(jsonb_agg(jsonb_build_object('cause', w.cause, 'passMs', w.pass_ms,
          'finishedAtMs', extract(epoch from w.finished_at) * 1000)), '[]')
        from slabmend.walks w
      ) as walks,
      l.*,
      (
        select coalesce(jsonb_object_agg(o.outcome, o.repairs), '{}')
        from (
          select d.outcome, count(*) as repairs from lately d group by d.outcome
        ) o
      ) as last_hour,
      (
        select count(*)::integer from lately d
        where d.finished_at > (select n.at from now n) - interval '10 minutes' and d.outcome in ('repaired', 'healthy')
      ) as finished,
      t.*,
      (select count(*)::integer from slabmend.dead_letters) as dead_letters,
      (select count(*)::integer from slabmend.repairs r where r.quarantined_until > (select n.at from now n)) as quarantined,
      (select h.held_since from slabmend.prune_hold h) as prunes_held_since,
      (select count(*)::integer from slabmend.repairs r where r.last_outcome = 'too-few-sources') as at_risk,
      (select count(distinct slab_id)::integer from slabmend.moved) as moved,
      f.breaker_open, f.breaker_since, f.backoff_until, f.claimed_at, f.reaped_at,
      f.mode, f.mode_owner, f.mode_reason, f.mode_since,
      to_jsonb(b) as budget, b.stopped_since, b.checked_at,
      i.db_version, i.verdict, h.*,
      (
        select s.uploaded_at from public.sectors s
        where s.host_id is not null and s.contract_sectors_map_id is null
        order by s.uploaded_at limit 1
      ) as oldest_unpinned
    from (
      select (count(*) filter (where sent_at is null and began_at is null and expires_at >= clock_timestamp()))::integer
          as unsent,
        (count(*) filter (where sent_at is not null and began_at is null and expires_at >= clock_timestamp()))::integer
          as sent,
        (count(*) filter (where began_at is not null and expires_at >= clock_timestamp()))::integer as running,
        (count(*) filter (where expires_at < clock_timestamp()))::integer as expired,
        extract(epoch from clock_timestamp() - min(leased_at))::double precision as oldest_seconds
      from slabmend.leases
    ) l
    cross join slabmend.fleet f
    cross join slabmend.indexd i
    left join slabmend.budget b on b.checked_at >= date_trunc('day', clock_timestamp(), 'UTC')
    cross join (
      select count(*)::integer as hosts, max(last_successful_scan) as last_scan,
        coalesce(sum(unpinned_sectors), 0)::float8 as unpinned
      from public.hosts
    ) h
    cross join (
      select w.jobs::integer as repairs, w.sectors_copied::integer as copied, w.sectors_rebuilt::integer as rebuilt,
        w.bytes_read::text, w.bytes_written::text, w.hastings::text, w.worker_seconds
      from slabmend.work_since((select n.day_start from now n)) w
    ) t`;
  const [followers, checks, run] = [
    await readFollowers(sql),
    await readChecks(sql),
    await readUnfinishedRun(sql),
  ];
  return { ...factsOf(row!), followers, checks, run };
}

function factsOf(row: Row): Omit<StatusFacts, "followers" | "checks" | "run"> {
  const isExact = row.counted <= COUNTED_SLABS;
  return {
    at: row.at,
    dayStart: row.day_start,
    backlog: row.backlog,
    beyondRescue: row.beyond_rescue,
    // Before the first analyze PostgreSQL's estimate is -1.
    slabs: { total: isExact ? row.counted : row.estimate < 0 ? null : Math.round(row.estimate), isExact },
    walks: row.walks,
    claimedAt: row.claimed_at,
    reapedAt: row.reaped_at,
    leases: {
      unsent: row.unsent,
      sent: row.sent,
      running: row.running,
      expired: row.expired,
      oldestSeconds: row.oldest_seconds,
    },
    lastHour: row.last_hour,
    finishedInTenMinutes: row.finished,
    today: {
      repairs: row.repairs,
      sectorsCopied: row.copied,
      sectorsRebuilt: row.rebuilt,
      bytesRead: Number(row.bytes_read),
      bytesWritten: Number(row.bytes_written),
      hastings: BigInt(row.hastings),
      workerSeconds: row.worker_seconds,
    },
    deadLetters: row.dead_letters,
    quarantined: row.quarantined,
    prunesHeldSince: row.prunes_held_since,
    atRisk: row.at_risk,
    eventsToBump: row.moved,
    mode: fleetModeOf(row),
    breaker: { open: row.breaker_open, since: row.breaker_since, backoffUntil: row.backoff_until },
    budget:
      row.budget === null
        ? null
        : {
            limits: asText(row.budget.limits),
            spent: asText(row.budget.spent),
            stoppedBy: row.budget.stopped_by,
            stoppedSince: row.stopped_since,
            checkedAt: row.checked_at!,
          },
    indexd: {
      databaseVersion: row.db_version,
      verdict: row.verdict,
      hosts: row.hosts,
      lastScanAt: row.last_scan,
      unpinnedSectors: row.unpinned,
      oldestUnpinnedAt: row.oldest_unpinned,
    },
  };
}

const asText = (values: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
