/**
 * Checks, by SQL, those invariants of docs/architecture.md whose violation the database shows. The demo runs this check
 * at the end, and tests run it after each step. Reads whole tables, so it is not for a large production database.
 */
import type { ISql } from "postgres";

export interface Violation {
  /** Number in the list "What must always hold". */
  readonly rule: number;
  readonly what: string;
  /** The slab, host, sector or statistic that violates the rule. */
  readonly subject: string;
}

interface Check {
  readonly rule: number;
  readonly what: string;
  /** Whether this is checked only while no repair runs, after reap has run. */
  readonly onlyWhenSettled?: true;
  /** Selects one column, `subject`, with a row per violation. */
  readonly query: string;
}

/** A row for each move that we recorded. */
const RECORDED = `
  recorded as (
    select j.id, j.slab_id, j.digest, j.began_at, j.finished_at,
      decode(m->>'root', 'hex') as sector_root, old.id as from_host, new.id as to_host
    from slabmend.journal j cross join lateral jsonb_array_elements(j.moves) m
    left join hosts old on old.public_key = decode(m->>'from', 'hex')
    left join hosts new on new.public_key = decode(m->>'to', 'hex')
  )`;

const CHECKS: readonly Check[] = [
  {
    rule: 1,
    what: "a slab was leased twice at the same time",
    query: `
      with spans as (
        select slab_id, token, leased_at, finished_at from slabmend.journal
        union all
        select slab_id, token, leased_at, 'infinity' from slabmend.leases
      )
      select 'slab ' || a.slab_id as subject
      from spans a join spans b
        on b.slab_id = a.slab_id and b.token > a.token and b.leased_at < a.finished_at and a.leased_at < b.finished_at`,
  },
  {
    rule: 2,
    what: "a lease outlived its own commit",
    query:
      "select 'slab ' || l.slab_id as subject from slabmend.leases l join slabmend.journal j using (token)",
  },
  {
    rule: 2,
    what: "a superseded or crashed repair recorded moves",
    query: `
      select 'slab ' || slab_id as subject from slabmend.journal
      where outcome in ('superseded', 'crashed') and (moves <> '[]' or lost <> '[]')`,
  },
  {
    rule: 3,
    what: "a move from a host to itself",
    query: `with ${RECORDED} select 'slab ' || slab_id as subject from recorded where from_host = to_host`,
  },
  {
    rule: 4,
    what: "two sectors of a slab on one host, the later one recorded by us",
    // A location is ours if its uploaded_at lies between the start and the end of the repair that recorded it.
    query: `
      with ${RECORDED}, located as (
        select ss.slab_id, s.id, s.host_id, s.uploaded_at,
          exists (
            select from recorded r
            where r.sector_root = s.sector_root and r.to_host = s.host_id
              and s.uploaded_at between r.began_at and r.finished_at
          ) as ours
        from public.slab_sectors ss join public.sectors s on s.id = ss.sector_id
        where s.host_id is not null
      )
      select 'slab ' || late.slab_id || ', host ' || late.host_id as subject
      from located late join located early
        on early.slab_id = late.slab_id and early.host_id = late.host_id and early.id <> late.id
        and early.uploaded_at <= late.uploaded_at
      where late.ours`,
  },
  {
    rule: 4,
    what: "one commit recorded two sectors on one host",
    query: `
      with ${RECORDED}
      select 'slab ' || slab_id as subject from recorded group by id, slab_id, to_host having count(*) > 1`,
  },
  {
    rule: 7,
    what: "a statistic differs from a count of the rows",
    query: `
      with counted (stat_name, n) as (
        select 'num_slabs', count(*) from public.slabs
        union all select 'num_pinned_sectors', count(contract_sectors_map_id) from public.sectors
        union all select 'num_unpinned_sectors', count(*) from public.sectors
          where host_id is not null and contract_sectors_map_id is null
        union all select 'num_unpinnable_sectors', count(*) from public.sectors where host_id is null
        union all select 'num_sectors_lost', coalesce(sum(lost_sectors), 0) from public.hosts
        -- By name, because versions of indexd without these columns have no such statistics either.
        union all select 'num_unrecoverable_slabs', count(*) from public.slabs s
          where to_jsonb(s)->>'unrecoverable_reason' is not null
        union all select 'num_stuck_slabs', count(*) from public.slabs s
          where s.consecutive_failed_repairs > 1 and to_jsonb(s)->>'unrecoverable_reason' is null
      )
      select c.stat_name || ': said ' || s.stat_value + coalesce(d.n, 0) || ', counted ' || c.n as subject
      from counted c
      join public.stats s using (stat_name)
      left join (select stat_name, sum(stat_delta) as n from public.stats_deltas group by stat_name) d using (stat_name)
      where s.stat_value + coalesce(d.n, 0) <> c.n`,
  },
  {
    rule: 7,
    what: "fewer migrations are counted than recorded by us",
    query: `
      with ${RECORDED}
      select 'sector ' || s.id as subject
      from public.sectors s join recorded r using (sector_root)
      group by s.id having count(*) > s.num_migrated`,
  },
  {
    rule: 7,
    what: "a statistic becomes negative while its deltas are folded in",
    query: `
      select stat_name as subject
      from (
        select d.stat_name, s.stat_value + sum(d.stat_delta) over (partition by d.stat_name order by d.id) as value
        from public.stats_deltas d join public.stats s using (stat_name)
      ) folded
      where value < 0 group by stat_name`,
  },
  {
    rule: 7,
    what: "a delta of zero",
    query: "select stat_name as subject from public.stats_deltas where stat_delta = 0",
  },
  {
    rule: 7,
    what: "a host's unpinned sectors differ from a count of the rows",
    query: `
      select 'host ' || h.id || ': said ' || h.unpinned_sectors || ', counted ' || coalesce(s.n, 0) as subject
      from public.hosts h
      left join (
        select host_id, count(*) as n from public.sectors where contract_sectors_map_id is null group by host_id
      ) s on s.host_id = h.id
      where h.unpinned_sectors <> coalesce(s.n, 0)`,
  },
  {
    rule: 10,
    what: "a lease is left",
    onlyWhenSettled: true,
    query: "select 'slab ' || slab_id as subject from slabmend.leases",
  },
  {
    rule: 10,
    what: "the events of a moved slab's objects were not bumped",
    onlyWhenSettled: true,
    query: `
      select 'slab ' || slab_id as subject from slabmend.moved
      union
      select 'slab ' || r.slab_id
      from slabmend.journal r
      join public.object_slabs os on os.slab_digest = r.digest
      join public.objects o on o.id = os.object_id
      join public.object_events e using (object_key)
      where r.moves <> '[]' and e.updated_at < date_trunc('second', r.finished_at)`,
  },
];

/** Each check reports at most this many violations, because one mistake often shows in a thousand rows. */
const MOST_OF_EACH = 20;

/**
 * Returns the violations that the database shows, at most 20 of each kind; empty if it shows none.
 * @param options.settled whether no repair runs and reap has run since the last repair: then no lease may be left, and
 *   all events must be bumped
 */
export async function checkRules(sql: ISql, options: { readonly settled: boolean }): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const { rule, what, query, onlyWhenSettled } of CHECKS) {
    if (onlyWhenSettled === true && !options.settled) continue;
    const rows = await sql.unsafe<{ subject: string }[]>(`${query} limit ${MOST_OF_EACH}`);
    for (const { subject } of rows) violations.push({ rule, what, subject });
  }
  return violations;
}
