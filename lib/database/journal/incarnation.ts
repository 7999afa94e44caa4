import type { ISql } from "postgres";

/** Of which indexer this database is, and which life of it: positions are unique within both. */
export interface JournalIdentity {
  readonly incarnation: number;
  /** 64 hex digits: the hash of the wallet that indexd first started with; undefined: `init` has not seen it. */
  readonly walletHash: string | undefined;
}

export async function readJournalIdentity(sql: ISql): Promise<JournalIdentity> {
  const [row] = await sql<{ incarnation: number; wallet_hash: string | null }[]>`
    select h.incarnation, encode(i.wallet_hash, 'hex') as wallet_hash
    from slabmend.journal_head h cross join slabmend.indexd i`;
  return { incarnation: row!.incarnation, walletHash: row!.wallet_hash ?? undefined };
}

/**
 * Begins another life of this database, before anything is written after it was restored or moved. Rows that have a place
 * keep theirs; whatever gets one from now on belongs to the new incarnation.
 *
 * @param archived the last incarnation in the archive: a backup can be restored twice; 0: there is no archive
 */
export async function raiseIncarnation(sql: ISql, archived: number): Promise<number> {
  const [row] = await sql<{ incarnation: number }[]>`
    update slabmend.journal_head set incarnation = greatest(incarnation, ${archived}::integer) + 1 returning incarnation`;
  return row!.incarnation;
}

/**
 * Up to where a follower that stands at `position` may skip, because an archive that reaches `archived` holds all of it: the
 * last row of `incarnation` or an earlier one, at most `archived`.
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
