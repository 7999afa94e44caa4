import type { ISql } from "postgres";

/** The database's indexer and incarnation: a position in the journal is unique only within one incarnation of one indexer. */
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
 * @param archived the last incarnation in the archive; 0: there is no archive. The new incarnation is higher than that of the
 *   database and than `archived`: if the same backup is restored twice, counting from the database's incarnation alone would
 *   give the same number both times.
 */
export async function raiseIncarnation(sql: ISql, archived: number): Promise<number> {
  const [row] = await sql<{ incarnation: number }[]>`
    update slabmend.journal_head set incarnation = greatest(incarnation, ${archived}::integer) + 1 returning incarnation`;
  return row!.incarnation;
}

/**
 * Returns the position to which a follower at `position` may skip, because the archive already holds the rows up to the position
 * `archived`. The result is `archived` or, if lower, the last position before the first row whose incarnation is later than
 * `incarnation`; without such a row, the last assigned position counts as that position.
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
