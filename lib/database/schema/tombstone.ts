/**
 * What is left of a deleted indexer: schema slabmend with one table of one row
 * (docs/decisions/0029-indexers.md).
 */
import type { ISql, TransactionSql } from "postgres";
import { storableText } from "../client/storable-text.ts";

export interface Tombstone {
  /** The person who deleted the indexer, and the reason. */
  readonly owner: string;
  readonly reason: string | undefined;
  readonly deletedAt: Date;
}

/** Undefined: the indexer was never deleted, or has been recreated since. Every role may read the tombstone. */
export async function readTombstone(sql: ISql): Promise<Tombstone | undefined> {
  const [found] = await sql<{ found: boolean }[]>`
    select exists (
      select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'slabmend' and c.relname = 'tombstone') as found`;
  if (!found!.found) return undefined;
  const [row] = await sql<{ owner: string; reason: string | null; deleted_at: Date }[]>`
    select owner, reason, deleted_at from slabmend.tombstone`;
  return { owner: row!.owner, reason: row!.reason ?? undefined, deletedAt: row!.deleted_at };
}

/** Creates the tombstone, in the transaction that dropped our schema. */
export async function leaveTombstone(
  tx: TransactionSql,
  { owner, reason }: Pick<Tombstone, "owner" | "reason">,
): Promise<void> {
  await tx`create schema slabmend`;
  await tx`
    create table slabmend.tombstone (
      id smallint primary key default 0 check (id = 0),
      owner text not null,
      reason text,
      deleted_at timestamptz not null default clock_timestamp()
    )`;
  await tx`
    insert into slabmend.tombstone (owner, reason)
    values (${storableText(owner, 200)}, ${reason === undefined ? null : storableText(reason, 500)})`;
  // The workers' role lost its privileges with the schema, but the workers must still report that the indexer is
  // deleted.
  await tx`grant usage on schema slabmend to public`;
  await tx`grant select on slabmend.tombstone to public`;
}

/**
 * Removes the tombstone when an indexer is recreated, or with `uninstall`. Fails if the schema has anything else: then
 * another process has recreated the indexer since the caller read the tombstone.
 */
export async function removeTombstone(tx: TransactionSql): Promise<void> {
  await tx`drop table slabmend.tombstone`;
  await tx`drop schema slabmend`;
}
