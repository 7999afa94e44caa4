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
 * @param archived the last incarnation in the archive; 0: there is no archive. The new incarnation is higher than that
 * of the
 *   database and than `archived`: if the same backup is restored twice, counting from the database's incarnation alone
 *   would give the same number both times.
 */
export async function raiseIncarnation(sql: ISql, archived: number): Promise<number> {
  const [row] = await sql<{ incarnation: number }[]>`
    update slabmend.journal_head set incarnation = greatest(incarnation, ${archived}::integer) + 1 returning incarnation`;
  return row!.incarnation;
}

/** Rows per transaction. */
const RENEWED_ROWS = 10_000;

/**
 * Moves rows after a position to the present incarnation: rows that were recorded after the database had been rewound,
 * and before its incarnation was raised, have positions that the archive gave to other rows. The last rows come first,
 * so that after a crash the first row still shows that this has to be done. Does nothing if the follower has moved
 * since the caller read its checkpoint, or if the incarnation was raised again.
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
 * Returns the position to which a follower at `position` may skip, because the archive already holds the rows up to the
 * position `archived`. The result is `archived` or, if lower, the last position before the first row whose incarnation
 * is later than `incarnation`; without such a row, the last assigned position counts as that position.
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
