import type { ISql } from "postgres";

/** How far a follower has come. */
export interface Checkpoint {
  /** It has passed everything up to here. */
  readonly position: number;
  /** Of the archive: SHA-256 of the segment that ends here, in hex; undefined before the first one. */
  readonly segment: string | undefined;
}

/** A follower as status and metrics see it. */
export interface FollowerState {
  readonly name: string;
  readonly position: number;
  /** Rows that it has not passed, those without a place included. */
  readonly rowsBehind: number;
  /** Since when the oldest of them is in the journal; undefined: it has passed all. */
  readonly behindSeconds: number | undefined;
  /** A stable code: why it does not go on; undefined: it does. */
  readonly stoppedBy: string | undefined;
  readonly stoppedSince: Date | undefined;
}

/** Begins to follow, or finds where it is: join-journal.sql. */
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
 * Moves a checkpoint, if it still is what the caller saw, and forgets why the follower had stopped.
 * @returns whether it moved; false: another process was first
 */
export async function moveFollower(
  sql: ISql,
  follower: string,
  from: Checkpoint,
  to: Checkpoint,
): Promise<boolean> {
  const rows = await sql`
    update slabmend.followers
    set position = ${to.position}, segment = ${to.segment ?? null}, updated_at = clock_timestamp()
    where name = ${follower} and position = ${from.position}
      and segment is not distinct from ${from.segment ?? null}::text
    returning 1`;
  return rows.length > 0;
}

/**
 * Notes why a follower does not go on, for status and alarms.
 * @param code a stable code; undefined: it goes on
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
 * Forgets a follower that is no longer wanted: rows that only it had not passed may be deleted. Not the totals, which budgets need.
 * @returns whether there was one of this name
 */
export async function forgetFollower(sql: ISql, follower: string): Promise<boolean> {
  const rows = await sql`
    delete from slabmend.followers f where f.name = ${follower} and f.name <> 'totals' returning 1`;
  return rows.length > 0;
}

/** All followers, by name. Reads one row of the journal for each, and those without a place by their partial index. */
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
