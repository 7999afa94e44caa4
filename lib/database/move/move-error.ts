import { SlabmendError } from "../../errors/slabmend-error.ts";

export type MoveErrorCode =
  /** `plan` found a reason why a later step would fail. */
  | "not-movable"
  /** No move is in progress, or another one than requested. */
  | "no-move"
  /** The request does not fit the move's step. */
  | "move-state"
  /** The two URLs do not name the databases with which the move was started. */
  | "wrong-database"
  /** Tables, functions or versions of the source changed after the start. */
  | "schema-changed"
  /** The target lacks roles that the source got after the start. */
  | "roles-missing"
  /** pg_dump failed, or its output could not be loaded. */
  | "dump-failed"
  /** An error switched off the subscription, or the source invalidated its slot. */
  | "replication-broken"
  /** A process of the source's server still uses the slot, so that it cannot be dropped. */
  | "slot-in-use"
  /** The target did not catch up enough, or did not reach the source's end in time. */
  | "behind"
  | "leases-not-drained"
  /** After the source was closed, sessions continued or a login was accepted. */
  | "not-closed"
  /** Counts or digests of a table differ. */
  | "contents-differ"
  | "interrupted"
  /** A server became unavailable during a switch, and the switch could not be undone. */
  | "not-taken-back";

/** Thrown by a move of the database. */
export class MoveError extends SlabmendError<MoveErrorCode> {}
