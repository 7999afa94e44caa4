import { SlabmendError } from "../../errors/slabmend-error.ts";

export type StoreErrorCode =
  /** The database holds a schema of a newer slabmend. */
  | "schema-too-new"
  /** The database holds a schema that this slabmend has to upgrade first. */
  | "schema-too-old"
  | "schema-missing"
  /** An operator has deleted this indexer; only a tombstone is left. */
  | "indexer-deleted"
  /** The database is being moved, and its schema must not change meanwhile. */
  | "schema-moving"
  /** The role may not do all that the fleet does. */
  | "lacks-right"
  /** Serialization failures, deadlocks or lock time-outs, again and again. */
  | "retries-exhausted"
  /** The connection was lost so often that nobody knows yet whether the commit happened; `journal.token` does. */
  | "fate-unknown"
  /** It takes no writes: a failover's old primary, or a replica. */
  | "read-only-server"
  /** A slab's objects are so many, or locked for so long, that their events could not be bumped in time. */
  | "outbox-stuck"
  /** The session is not as our statements need it: isolation, text form of bytes, triggers, search path. */
  | "wrong-session-settings"
  /** A connection that is there says nothing; the statement may or may not have happened. */
  | "no-answer";

/** Thrown by lib/database when the database cannot be used as it is, or did not answer in as many tries as we allow. */
export class StoreError extends SlabmendError<StoreErrorCode> {}
