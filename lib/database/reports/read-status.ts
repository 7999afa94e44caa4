import type { ISql } from "postgres";
import { type FleetMode, fleetModeOf } from "../fleet/fleet-mode.ts";
import { type FollowerState, readFollowers } from "../journal/followers.ts";

export interface BacklogOfMargin {
  /** Sectors on good hosts minus min_shards; negative: more are gone than may be. */
  readonly margin: number;
  /** May be leased now. */
  readonly ready: number;
  /** A grace, a next attempt or a lease has to end first. */
  readonly later: number;
}

export interface WorkDone {
  readonly repairs: number;
  readonly sectorsCopied: number;
  readonly sectorsRebuilt: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly hastings: bigint;
  /** From begin to commit, added up: what Lambda bills, but for its start. */
  readonly workerSeconds: number;
}

export interface FleetStatus {
  /** By the database's clock. */
  readonly at: Date;
  readonly backlog: readonly BacklogOfMargin[];
  readonly leases: {
    readonly unsent: number;
    readonly sent: number;
    readonly running: number;
    readonly expired: number;
    /** Of the oldest lease. */
    readonly oldestSeconds: number | undefined;
  };
  /** Repairs by outcome that ended in the last hour. */
  readonly lastHour: Readonly<Record<string, number>>;
  /** Slabs repaired or found healthy in the last ten minutes. */
  readonly finishedInTenMinutes: number;
  /** Since midnight UTC. */
  readonly today: WorkDone;
  readonly deadLetters: number;
  readonly quarantined: number;
  /** Slabs whose last repair found too few sources. */
  readonly atRisk: number;
  /** Slabs whose objects' events are still to be bumped. */
  readonly unflushedMoves: number;
  readonly breakerIsOpen: boolean;
  readonly mode: FleetMode;
  /** Names of the limits of the budget that stopped claims when claim last looked, today; yesterday's stop is over. */
  readonly budgetStops: readonly string[];
  /** When claim last compared the budget with what was spent; undefined: not today. */
  readonly budgetCheckedAt: Date | undefined;
  /** Of the journal: `totals`, and the archive if there is one. */
  readonly followers: readonly FollowerState[];
}

interface Row {
  readonly at: Date;
  readonly backlog: BacklogOfMargin[];
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
  readonly at_risk: number;
  readonly moved: number;
  readonly breaker_open: boolean;
  readonly mode: FleetMode["kind"];
  readonly mode_owner: string | null;
  readonly mode_reason: string | null;
  readonly mode_since: Date | null;
  readonly stopped_by: string[] | null;
  readonly budget_checked_at: Date | null;
}

/**
 * What the operator looks at, in one statement and one snapshot, but for the journal's followers; reads tables of ours only and locks nothing. An hour
 * of the journal by journal_finished_at_idx, the day by work-since.sql; backlog and repairs as a whole.
 */
export async function readStatus(sql: ISql): Promise<FleetStatus> {
  const [row] = await sql<Row[]>`
    with now as materialized (
      select clock_timestamp() as at
    ), lately as materialized (
      select j.outcome, j.finished_at from slabmend.journal j
      where j.finished_at > (select n.at from now n) - interval '1 hour'
    )
    select (select n.at from now n) as at,
      (
        select coalesce(jsonb_agg(to_jsonb(m) order by m.margin), '[]')
        from (
          select b.margin, count(*) filter (where b.ready) as ready, count(*) filter (where not b.ready) as later
          from slabmend.backlog b group by b.margin
        ) m
      ) as backlog,
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
      (select count(*)::integer from slabmend.repairs r where r.last_outcome = 'too-few-sources') as at_risk,
      (select count(distinct slab_id)::integer from slabmend.moved) as moved,
      f.breaker_open, f.mode, f.mode_owner, f.mode_reason, f.mode_since,
      to_jsonb(b.stopped_by) as stopped_by, b.checked_at as budget_checked_at
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
    left join slabmend.budget b on b.checked_at >= date_trunc('day', clock_timestamp(), 'UTC')
    cross join (
      select w.jobs::integer as repairs, w.sectors_copied::integer as copied, w.sectors_rebuilt::integer as rebuilt,
        w.bytes_read::text, w.bytes_written::text, w.hastings::text, w.worker_seconds
      from slabmend.work_since((select date_trunc('day', n.at, 'UTC') from now n)) w
    ) t`;
  const { unsent, sent, running, expired, oldest_seconds: oldest } = row!;
  return {
    at: row!.at,
    backlog: row!.backlog,
    leases: { unsent, sent, running, expired, oldestSeconds: oldest ?? undefined },
    lastHour: row!.last_hour,
    finishedInTenMinutes: row!.finished,
    today: {
      repairs: row!.repairs,
      sectorsCopied: row!.copied,
      sectorsRebuilt: row!.rebuilt,
      bytesRead: Number(row!.bytes_read),
      bytesWritten: Number(row!.bytes_written),
      hastings: BigInt(row!.hastings),
      workerSeconds: row!.worker_seconds,
    },
    deadLetters: row!.dead_letters,
    quarantined: row!.quarantined,
    atRisk: row!.at_risk,
    unflushedMoves: row!.moved,
    breakerIsOpen: row!.breaker_open,
    mode: fleetModeOf(row!),
    budgetStops: row!.stopped_by ?? [],
    budgetCheckedAt: row!.budget_checked_at ?? undefined,
    followers: await readFollowers(sql),
  };
}
