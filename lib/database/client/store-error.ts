import { SlabmendError } from "../../errors/slabmend-error.ts";

export type StoreErrorCode =
  /** The database's schema belongs to a newer release. */
  | "schema-too-new"
  /** The database's schema is older: this release must upgrade it first. */
  | "schema-too-old"
  | "schema-missing"
  /** An operator has deleted this indexer; only a tombstone is left. */
  | "indexer-deleted"
  /** The database is being moved, and its schema must not change meanwhile. */
  | "schema-moving"
  /** The role lacks a privilege that the fleet needs. */
  | "lacks-right"
  /** Repeated serialization failures, deadlocks or lock time-outs. */
  | "retries-exhausted"
  /**
   * The connection was lost so often that it is unknown whether the commit happened. If it happened, its token is in
   * the journal.
   */
  | "fate-unknown"
  /** The server is read-only: the old primary after a failover, or a replica. */
  | "read-only-server"
  /** A slab has so many objects, or they stay locked for so long, that their events could not be bumped in time. */
  | "outbox-stuck"
  /** The session lacks a setting that our statements rely on: isolation, text form of bytes, triggers, search path. */
  | "wrong-session-settings"
  /** An open connection gives no answer; the statement may or may not have happened. */
  | "no-answer";

/**
 * Thrown by lib/database when the database cannot be used in its present state, or gave no answer in all allowed
 * attempts.
 */
export class StoreError extends SlabmendError<StoreErrorCode> {}
