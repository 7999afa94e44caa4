import { SlabmendError } from "../../errors/slabmend-error.ts";

export type MoveErrorCode =
  /** `plan` found a reason why a later step would fail. */
  | "not-movable"
  /** No move is under way, or another than the one that was asked about. */
  | "no-move"
  /** What was asked does not fit how far the move is. */
  | "move-state"
  /** The two URLs do not name the databases that the move was started with. */
  | "wrong-database"
  /** Tables, functions or versions of the source changed after the start. */
  | "schema-changed"
  /** pg_dump failed, or what it wrote could not be loaded. */
  | "dump-failed"
  /** The subscription was switched off by an error, or its slot was given up by the source. */
  | "replication-broken"
  /** The target did not come close enough, or did not reach the source's end in time. */
  | "behind"
  | "leases-not-drained"
  /** Sessions went on, or a login was let in, after the source was closed. */
  | "not-closed"
  /** Counts or digests of a table differ. */
  | "contents-differ"
  | "interrupted"
  /** A server went away in a switch, and it could not be undone. */
  | "not-taken-back";

/** Thrown by a move of the database. */
export class MoveError extends SlabmendError<MoveErrorCode> {}
