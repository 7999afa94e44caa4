/**
 * Removes slabmend from the database, for `uninstall` or when an indexer is deleted. The repairs that it recorded in
 * indexd's tables remain.
 */
import type { Sql } from "postgres";
import { flushMoved } from "../indexd/bump-events.ts";
import { writeVerified } from "../indexd/version/write-verified.ts";
import { type Deletion, type DeletionResult, deleteIndexer, dropSchema } from "./drop-schema.ts";
import { readTombstone, removeTombstone } from "./tombstone.ts";

/** Bumps the remaining events, so that clients learn of the moves, and drops the schema or a deleted indexer's tombstone. */
export async function removeSchema(
  sql: Sql,
  acceptedVersion?: number,
): Promise<{ readonly eventsBumped: number; readonly slabsFreed: number }> {
  if ((await readTombstone(sql)) !== undefined) {
    await sql.begin(removeTombstone);
    return { eventsBumped: 0, slabsFreed: 0 };
  }
  for (let eventsBumped = 0; ; ) {
    eventsBumped += await flushAll(sql, acceptedVersion);
    const result = await writeVerified(
      (ask) => ask(sql),
      () => dropSchema(sql),
      { acceptedVersion },
    );
    if (result.kind === "dropped") return { eventsBumped, slabsFreed: result.slabsFreed };
  }
}

/**
 * Like {@link removeSchema}, for the process that deletes an indexer and holds the lease for it; leaves a tombstone.
 */
export async function removeIndexer(
  sql: Sql,
  deletion: Deletion,
  acceptedVersion?: number,
): Promise<DeletionResult> {
  for (;;) {
    await flushAll(sql, acceptedVersion);
    const result = await writeVerified(
      (ask) => ask(sql),
      () => deleteIndexer(sql, deletion),
      { acceptedVersion },
    );
    if (result.kind !== "events-left") return result;
  }
}

async function flushAll(sql: Sql, acceptedVersion: number | undefined): Promise<number> {
  let bumped = 0;
  for (let done = 1; done > 0; bumped += done) done = await flushMoved(sql, { verify: { acceptedVersion } });
  return bumped;
}
