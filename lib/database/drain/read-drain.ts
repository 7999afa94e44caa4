/** The progress of a drain. Reads only; no row locks. */
import type { ISql } from "postgres";
import type { HostKey, Root } from "../../slab/ids.ts";
import { parseRoot } from "../../slab/ids.ts";

/** `gone`: indexd has deleted the host. */
export type DrainedHostState = "good" | "blocked" | "unusable" | "no-active-contract" | "gone";

export interface CountedPage {
  /** Sectors recorded on the host before the drain began, and those recorded since. */
  readonly before: number;
  readonly since: number;
  /** The last root on this page, after which the next page begins; null: there is no further page. */
  readonly last: Root | null;
}

const NO_ROOT = Buffer.alloc(0);

/**
 * Counts one page of the host's sectors by ascending root; a host has millions of sectors. Index: sectors (host_id,
 * sector_root).
 */
export async function countPage(
  sql: ISql,
  request: {
    readonly host: HostKey;
    readonly startedAt: Date;
    readonly after: Root | null;
    readonly limit: number;
  },
): Promise<CountedPage> {
  const after = request.after === null ? NO_ROOT : Buffer.from(request.after, "hex");
  const [row] = await sql<{ before: number; since: number; last: string | null }[]>`
    with page as materialized (
      select s.sector_root, s.uploaded_at from public.sectors s
      where s.host_id = (select h.id from public.hosts h where h.public_key = ${Buffer.from(request.host, "hex")})
        and s.sector_root > ${after}::bytea
      order by s.sector_root limit ${request.limit}
    )
    select count(*) filter (where p.uploaded_at <= ${request.startedAt})::integer as before,
      count(*) filter (where p.uploaded_at > ${request.startedAt})::integer as since,
      case when count(*) = ${request.limit} then (
        select encode(l.sector_root, 'hex') from page l order by l.sector_root desc limit 1) end as last
    from page p`;
  const { before, since, last } = row!;
  return { before, since, last: last === null ? null : parseRoot(last) };
}

/** Sectors that have left the hosts of a drain. */
export interface Departed {
  readonly copied: number;
  readonly rebuilt: number;
  readonly found: number;
  /** Sectors recorded as lost on these hosts, after a believed denial, and not stored elsewhere in the same commit. */
  readonly lost: number;
}

/**
 * Counts, in the next rows of the journal, the sectors that left these hosts since the run began. Reads by
 * journal_position_idx; the first call finds its first row by journal_finished_at_idx.
 * @param after position of the last row that the previous call read; null: this is the first call
 */
export async function readDeparted(
  sql: ISql,
  request: {
    readonly hosts: readonly HostKey[];
    readonly startedAt: Date;
    readonly after: number | null;
    readonly limit: number;
  },
): Promise<{ readonly departed: Departed; readonly position: number; readonly rows: number }> {
  const { hosts, startedAt, limit } = request;
  const after = request.after ?? (await placeBefore(sql, startedAt));
  const keys = JSON.stringify(hosts);
  const [row] = await sql<(Departed & { position: string | null; rows: number })[]>`
    with next as materialized (
      select j.position, j.finished_at, j.moves, j.lost from slabmend.journal j
      where j.position > ${after}::bigint order by j.position limit ${limit}
    ), move as (
      select m->>'how' as how from next n cross join lateral jsonb_array_elements(n.moves) m
      where n.finished_at >= ${startedAt} and ${keys}::text::jsonb ? (m->>'from')
    )
    select count(*) filter (where move.how = 'copied')::integer as copied,
      count(*) filter (where move.how = 'rebuilt')::integer as rebuilt,
      count(*) filter (where move.how = 'found')::integer as found,
      (
        select count(*)::integer from next n cross join lateral jsonb_array_elements(n.lost) l
        where n.finished_at >= ${startedAt} and ${keys}::text::jsonb ? (l->>'host')
          and not exists (select from jsonb_array_elements(n.moves) m where m->>'root' = l->>'root')
      ) as lost,
      (select max(n.position)::text from next n) as position,
      (select count(*)::integer from next n) as rows
    from move`;
  const { copied, rebuilt, found, lost, position, rows } = row!;
  return {
    departed: { copied, rebuilt, found, lost },
    position: position === null ? after : Number(position),
    rows,
  };
}

/** A position in the journal; the rows of all repairs that ended at `startedAt` or later come after it. */
async function placeBefore(sql: ISql, startedAt: Date): Promise<number> {
  const [row] = await sql<{ position: string }[]>`
    select coalesce((
        select min(j.position) - 1 from slabmend.journal j where j.finished_at >= ${startedAt}
      ), (select h.position from slabmend.journal_head h))::text as position`;
  return Number(row!.position);
}

/** Why a drain is waiting, as far as the tables show it. */
export interface DrainStanding {
  readonly hosts: readonly { readonly host: HostKey; readonly state: DrainedHostState }[];
  /**
   * Why no slab is leased for the drain: the fleet's mode, stopped claims, an open circuit breaker, or budget limits.
   */
  readonly stopped: readonly string[];
  /**
   * For each unsuccessful outcome: how many slabs had it at their latest repair since the run began. Counted among at
   * most 500 slabs that are still to be drained.
   */
  readonly outcomes: Readonly<Record<string, number>>;
  /**
   * Whether indexd or its remote worker claims slabs, judged by 500 unhealthy slabs and the journal's 500 latest rows.
   */
  readonly indexdRepairs: boolean;
}

const SAMPLED = 500;
/** Same value as in lib/reports/claims-stopped.ts. */
const CLAIMS_STOPPED_MINUTES = 5;

export async function readDrainStanding(
  sql: ISql,
  request: { readonly hosts: readonly HostKey[]; readonly startedAt: Date },
): Promise<DrainStanding> {
  const [row] = await sql<
    {
      hosts: { host: HostKey; state: DrainedHostState }[];
      stopped: string[];
      outcomes: Record<string, number>;
      repairs: boolean;
    }[]
  >`
    with drained as materialized (
      select m.slab_id from slabmend.marks m where m.cause = 'draining' order by m.slab_id limit ${SAMPLED}
    ), unhealthy as materialized (
      select m.slab_id from slabmend.marks m where m.cause in ('lost', 'bad-contract') order by m.cause, m.slab_id limit ${SAMPLED}
    )
    select (
        select jsonb_agg(jsonb_build_object('host', k.host, 'state', case
          when h.id is null then 'gone' when s.blocked then 'blocked' when not s.usable then 'unusable'
          when not s.has_active_contract then 'no-active-contract' else 'good' end) order by k.host)
        from jsonb_array_elements_text(${JSON.stringify(request.hosts)}::text::jsonb) k (host)
        left join public.hosts h on h.public_key = decode(k.host, 'hex')
        left join lateral (
          select x.blocked, x.usable, x.has_active_contract from slabmend.host_states() x where x.host_id = h.id offset 0
        ) s on true
      ) as hosts,
      to_jsonb(array_remove(array[
        case when f.mode <> 'running' then 'fleet-' || f.mode end,
        case when coalesce(f.claimed_at < clock_timestamp() - ${CLAIMS_STOPPED_MINUTES} * interval '1 minute', true)
          then 'no-claims' end,
        case when f.breaker_open then 'circuit-breaker-open' end], null)
        || (select coalesce(array_agg('budget-' || b.name), '{}') from (
          select unnest(x.stopped_by) as name from slabmend.budget x where x.checked_at >= date_trunc('day', clock_timestamp(), 'UTC')
        ) b)) as stopped,
      (
        select coalesce(jsonb_object_agg(o.last_outcome, o.slabs), '{}') from (
          select r.last_outcome, count(*) as slabs from drained d join slabmend.repairs r on r.slab_id = d.slab_id
          where r.finished_at >= ${request.startedAt} and r.last_outcome not in ('repaired', 'healthy', 'never-begun')
          group by r.last_outcome
        ) o
      ) as outcomes,
      exists (
        select from unhealthy u
        join public.slabs s on s.id = u.slab_id
        left join slabmend.repairs r on r.slab_id = u.slab_id
        left join slabmend.leases l on l.slab_id = u.slab_id
        where s.next_repair_attempt > clock_timestamp() and s.next_repair_attempt is distinct from r.next_repair_attempt
          and s.next_repair_attempt is distinct from l.held_until
      ) or exists (
        select from (select j.error from slabmend.journal j order by j.finished_at desc limit ${SAMPLED}) j
        where j.error = 'indexd-claimed'
      ) as repairs
    from slabmend.fleet f`;
  const { hosts, stopped, outcomes, repairs } = row!;
  return { hosts, stopped, outcomes, indexdRepairs: repairs };
}
