import type { ISql } from "postgres";
import type { Checkpoint } from "./followers.ts";

/**
 * The database's indexer and incarnation: a position in the journal is unique only within one incarnation of one
 * indexer.
 */
export interface JournalIdentity {
  readonly incarnation: number;
  /** 64 hex digits: the hash of the wallet with which indexd first started; undefined: `init` has not recorded it. */
  readonly walletHash: string | undefined;
}

export async function readJournalIdentity(sql: ISql): Promise<JournalIdentity> {
  const [row] = await sql<{ incarnation: number; wallet_hash: string | null }[]>`
    select h.incarnation, encode(i.wallet_hash, 'hex') as wallet_hash
    from slabmend.journal_head h cross join slabmend.indexd i`;
  return { incarnation: row!.incarnation, walletHash: row!.wallet_hash ?? undefined };
}

/**
 * Begins a new incarnation of this database, before the first write after it was restored or moved. Rows that have a
 * position keep it; rows that get one later belong to the new incarnation.
 *
 * @param archived the last incarnation in the archive; 0: there is no archive. The new incarnation is higher than
 *   `archived` and than the database's last one: if the same backup is restored twice, counting from the database's
 *   incarnation alone would give the same number both times.
 */
export async function raiseIncarnation(sql: ISql, archived: number): Promise<number> {
  const [row] = await sql<{ incarnation: number }[]>`
    update slabmend.journal_head set incarnation = greatest(incarnation, ${archived}::integer) + 1 returning incarnation`;
  return row!.incarnation;
}

/** Rows per transaction. */
const RENEWED_ROWS = 10_000;

/**
 * Gives the present incarnation to rows after a position. These rows were recorded after the database was rewound, but
 * before its incarnation was raised, so the archive has other rows at their positions. The last rows are updated first:
 * after a crash in between, the first row still has its old incarnation, which shows that work is left. Does nothing if
 * the follower's checkpoint has changed since the caller read it, or if the incarnation was raised again.
 * @param range.incarnations the last incarnation in the archive, and the present one
 */
export async function renewIncarnation(
  sql: ISql,
  follower: string,
  from: Checkpoint,
  range: { readonly after: number; readonly incarnations: readonly [archived: number, present: number] },
): Promise<void> {
  const [archived, present] = range.incarnations;
  for (let renewed = RENEWED_ROWS; renewed === RENEWED_ROWS; ) {
    const rows = await sql`
      update slabmend.journal j set incarnation = ${present}
      from (
        select o.id from slabmend.journal o
        where o.position > ${range.after} and o.incarnation <= ${archived}
          and (select h.incarnation from slabmend.journal_head h) = ${present}
          and exists (
            select from slabmend.followers f
            where f.name = ${follower} and f.position = ${from.position}
              and f.segment is not distinct from ${from.segment ?? null}::text)
        order by o.position desc limit ${RENEWED_ROWS}
      ) old
      where j.id = old.id and j.incarnation <= ${archived}
      returning 1`;
    renewed = rows.length;
  }
}

/**
 * Returns the position up to which a follower at `position` may skip rows, because the archive already holds them: the
 * lower of two positions. One is `archived`, the last position in the archive. The other is that of the last row before
 * a row of a later incarnation than `incarnation`; if no row after `position` has a later incarnation, it is the last
 * assigned position.
 */
export async function lastPositionOf(
  sql: ISql,
  incarnation: number,
  range: { readonly position: number; readonly archived: number },
): Promise<number> {
  const [row] = await sql<{ last: string }[]>`
    select least(${range.archived}, coalesce(
      (select j.position - 1 from slabmend.journal j
       where j.position > ${range.position} and j.incarnation > ${incarnation} order by j.position limit 1),
      h.position))::text as last
    from slabmend.journal_head h`;
  return Number(row!.last);
}
