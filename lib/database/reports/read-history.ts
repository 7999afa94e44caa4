import type { ISql } from "postgres";
import type { HostKey, SlabId } from "../../slab/ids.ts";
import type { JournalEntry } from "./read-journal.ts";

export interface HistoryFilter {
  readonly slabId: SlabId | null;
  /** Only repairs in which a sector moved away from this host or to it, or was lost on it. */
  readonly host: HostKey | null;
  readonly outcome: string | null;
  readonly since: Date | null;
  /** Only repairs before this place in the journal: the place at which the previous page ended. */
  readonly before: JournalPlace | null;
  readonly limit: number;
}

export interface JournalPlace {
  /** Microseconds since the epoch, PostgreSQL's precision. */
  readonly endedAtUs: string;
  readonly id: string;
}

export interface EndedRepair extends JournalPlace {
  readonly kind: string;
  readonly slabId: string;
  readonly digest: string;
  readonly outcome: string;
  readonly reportedOutcome: string;
  readonly error: string | null;
  readonly moves: JournalEntry["moves"];
  readonly lost: JournalEntry["lost"];
  readonly dropped: JournalEntry["dropped"];
  readonly bytesRead: string;
  readonly bytesWritten: string;
  readonly hastings: string;
  readonly phasesMs: Readonly<Record<string, number>>;
  readonly worker: string;
  readonly leasedAtMs: number;
  readonly beganAtMs: number;
  readonly endedAtMs: number;
}

/** No index leads from a host or an outcome to its repairs: the page ends after reading this many rows. */
const SEARCHED_ROWS = 20_000;

/**
 * A page of the journal, latest first, in one statement; no locks. Reads at most {@link SEARCHED_ROWS} rows, by
 * journal_slab_id_idx or journal_finished_at_idx. `searchedTo`: the oldest row that was read, if the search ended
 * because it had read {@link SEARCHED_ROWS} rows; null: every row of the requested slab and time was read.
 */
export async function readHistory(
  sql: ISql,
  { slabId, host, outcome, since, before, limit }: HistoryFilter,
): Promise<{
  readonly at: Date;
  readonly repairs: readonly EndedRepair[];
  readonly searchedTo: JournalPlace | null;
}> {
  const ofHost =
    host === null
      ? null
      : {
          to: JSON.stringify([{ to: host }]),
          from: JSON.stringify([{ from: host }]),
          lost: JSON.stringify([{ host }]),
        };
  const [row] = await sql<{ at: Date; repairs: EndedRepair[]; seen: number; last: JournalPlace | null }[]>`
    with searched as materialized (
      select j.id, j.finished_at, j.outcome, j.moves, j.lost from slabmend.journal j
      where ${slabId === null ? sql`true` : sql`j.slab_id = ${String(slabId)}::bigint`}
        and ${since === null ? sql`true` : sql`j.finished_at >= ${since.toISOString()}::timestamptz`}
        and ${
          before === null
            ? sql`true`
            : sql`(j.finished_at, j.id)
                < (timestamptz 'epoch' + ${before.endedAtUs}::bigint * interval '1 microsecond', ${before.id}::bigint)`
        }
      order by j.finished_at desc, j.id desc
      limit ${SEARCHED_ROWS}::integer
    ), page as (
      select s.id from searched s
      where ${outcome === null ? sql`true` : sql`s.outcome = ${outcome}`}
        and ${
          ofHost === null
            ? sql`true`
            : sql`(s.moves @> ${ofHost.to}::text::jsonb or s.moves @> ${ofHost.from}::text::jsonb or s.lost @> ${ofHost.lost}::text::jsonb)`
        }
      order by s.finished_at desc, s.id desc
      limit ${limit}::integer
    )
    select clock_timestamp() as at,
      (select count(*)::integer from searched) as seen,
      (
        select jsonb_build_object('endedAtUs', ${microseconds(sql, "s.finished_at")}, 'id', s.id::text)
        from searched s order by s.finished_at, s.id limit 1
      ) as last,
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'id', j.id::text, 'endedAtUs', ${microseconds(sql, "j.finished_at")}, 'kind', j.kind, 'slabId', j.slab_id::text,
          'digest', encode(j.digest, 'hex'), 'outcome', j.outcome, 'reportedOutcome', j.reported_outcome, 'error', j.error,
          'moves', j.moves, 'lost', j.lost, 'dropped', j.dropped, 'bytesRead', j.bytes_read::text,
          'bytesWritten', j.bytes_written::text, 'hastings', j.hastings::text, 'phasesMs', j.phases_ms, 'worker', j.worker,
          'leasedAtMs', extract(epoch from j.leased_at) * 1000, 'beganAtMs', extract(epoch from j.began_at) * 1000,
          'endedAtMs', extract(epoch from j.finished_at) * 1000
        ) order by j.finished_at desc, j.id desc), '[]')
        from slabmend.journal j where j.id in (select p.id from page p)
      ) as repairs`;
  const { at, repairs, seen, last } = row!;
  return { at, repairs, searchedTo: seen === SEARCHED_ROWS ? last : null };
}

const microseconds = (sql: ISql, column: string) =>
  sql.unsafe(`(extract(epoch from ${column}) * 1000000)::bigint::text`);
