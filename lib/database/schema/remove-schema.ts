/**
 * Removes slabmend from the database, for `uninstall` or when an indexer is deleted. The repairs that it recorded in
 * indexd's tables remain.
 */
import type { Sql } from "postgres";
import { flushMoved } from "../indexd/bump-events.ts";
import { writeVerified } from "../indexd/version/write-verified.ts";
import { type Deletion, type DeletionResult, deleteIndexer, dropSchema } from "./drop-schema.ts";
import { readTombstone, removeTombstone } from "./tombstone.ts";

/**
 * Bumps the events that still have to be bumped, so that clients learn of the moved sectors; then drops the schema. If
 * the indexer was deleted, only its tombstone is left, and is dropped.
 */
export async function removeSchema(
  sql: Sql,
  acceptedVersion?: number,
): Promise<{ readonly eventsBumped: number; readonly slabsFreed: number }> {
  if ((await readTombstone(sql)) !== undefined) {
    await sql.begin(removeTombstone);
    return { eventsBumped: 0, slabsFreed: 0 };
  }
  const flushed = await flushAll(sql, acceptedVersion);
  const { eventsBumped, slabsFreed } = await writeVerified(
    (ask) => ask(sql),
    () => dropSchema(sql),
    { acceptedVersion },
  );
  return { eventsBumped: flushed + eventsBumped, slabsFreed };
}

/**
 * Like {@link removeSchema}, but deletes the indexer and leaves a tombstone. The caller must hold the lease by which it
 * drives the indexer.
 */
export async function removeIndexer(
  sql: Sql,
  deletion: Deletion,
  acceptedVersion?: number,
): Promise<DeletionResult> {
  await flushAll(sql, acceptedVersion);
  return await writeVerified(
    (ask) => ask(sql),
    () => deleteIndexer(sql, deletion),
    { acceptedVersion },
  );
}

async function flushAll(sql: Sql, acceptedVersion: number | undefined): Promise<number> {
  let bumped = 0;
  for (let done = 1; done > 0; bumped += done) done = await flushMoved(sql, { verify: { acceptedVersion } });
  return bumped;
}
