import type { ISql } from "postgres";

/** The position of a follower. */
export interface Checkpoint {
  /** The follower has processed all rows up to this one. */
  readonly position: number;
  /**
   * Only for the archive: SHA-256 in hex of the segment that ends at `position`; undefined before the first segment.
   */
  readonly segment: string | undefined;
}

/** A checkpoint at the end of a segment of the archive. */
export interface ArchivedEnd extends Checkpoint {
  readonly segment: string;
  /** The incarnation of the segment's rows. */
  readonly incarnation: number;
}

/** A follower as shown in status and metrics. */
export interface FollowerState {
  readonly name: string;
  readonly position: number;
  /** How many rows the follower has not processed, including the rows without a position. */
  readonly rowsBehind: number;
  /** Age of the oldest unprocessed row; undefined: the follower has processed all. */
  readonly behindSeconds: number | undefined;
  /** A stable code: why the follower stopped; undefined: it is running. */
  readonly stoppedBy: string | undefined;
  readonly stoppedSince: Date | undefined;
}

/** Returns the checkpoint of a follower, and registers the follower if it is new: join-journal.sql. */
export async function joinJournal(sql: ISql, follower: string): Promise<Checkpoint> {
  const [row] = await sql<{ position: string; segment: string | null }[]>`
    select f.position::text, f.segment from slabmend.followers f where f.name = ${follower}`;
  if (row !== undefined) return { position: Number(row.position), segment: row.segment ?? undefined };
  const [joined] = await sql<
    { position: string }[]
  >`select slabmend.join_journal(${follower})::text as position`;
  return { position: Number(joined!.position), segment: undefined };
}

/**
 * Moves the archive's checkpoint if it is unchanged since the caller read it.
 * @returns whether the checkpoint moved; false: another process has moved it
 */
export async function moveFollower(
  sql: ISql,
  follower: string,
  from: Checkpoint,
  to: ArchivedEnd,
): Promise<boolean> {
  const rows = await sql`
    update slabmend.followers
    set position = ${to.position}, segment = ${to.segment}, incarnation = ${to.incarnation},
      updated_at = clock_timestamp()
    where name = ${follower} and position = ${from.position}
      and segment is not distinct from ${from.segment ?? null}::text
    returning 1`;
  return rows.length > 0;
}

/**
 * Stores the reason why a follower has stopped, for status and alarms, or clears it.
 * @param code a stable code; undefined: it is running
 */
export async function noteFollowerStopped(
  sql: ISql,
  follower: string,
  code: string | undefined,
): Promise<void> {
  await sql`
    update slabmend.followers
    set stopped_by = ${code ?? null}::text,
      stopped_since = case when ${code ?? null}::text is not null then coalesce(stopped_since, clock_timestamp()) end
    where name = ${follower} and stopped_by is distinct from ${code ?? null}::text`;
}

/**
 * Removes a follower: journal rows that were kept only for it may then be deleted. Never removes `totals`, which
 * budgets need.
 * @returns whether there was a follower of this name
 */
export async function forgetFollower(sql: ISql, follower: string): Promise<boolean> {
  const rows = await sql`
    delete from slabmend.followers f where f.name = ${follower} and f.name <> 'totals' returning 1`;
  return rows.length > 0;
}

/**
 * All followers, by name. Reads one journal row per follower, and the rows without a position by their partial index.
 */
export async function readFollowers(sql: ISql): Promise<FollowerState[]> {
  const rows = await sql<
    {
      name: string;
      position: string;
      behind: string;
      seconds: number | null;
      stopped_by: string | null;
      stopped_since: Date | null;
    }[]
  >`
    select f.name, f.position::text, (h.position - f.position + u.rows)::text as behind,
      extract(epoch from clock_timestamp() - least(
        (select j.finished_at from slabmend.journal j where j.position > f.position order by j.position limit 1), u.oldest
      ))::double precision as seconds,
      f.stopped_by, f.stopped_since
    from slabmend.followers f
    cross join slabmend.journal_head h
    cross join (
      select count(*) as rows, min(finished_at) as oldest from slabmend.journal where position is null
    ) u
    order by f.name`;
  return rows.map((row) => ({
    name: row.name,
    position: Number(row.position),
    rowsBehind: Number(row.behind),
    behindSeconds: row.seconds ?? undefined,
    stoppedBy: row.stopped_by ?? undefined,
    stoppedSince: row.stopped_since ?? undefined,
  }));
}
