import { SlabmendError } from "../../errors/slabmend-error.ts";

export type MoveErrorCode =
  /** `plan` found a reason why a later step would fail. */
  | "not-movable"
  /** No move is in progress, or a move other than the requested one. */
  | "no-move"
  /** The move's present step does not allow the request. */
  | "move-state"
  /** The two URLs do not name the databases with which the move was started. */
  | "wrong-database"
  /** Tables, functions or versions of the source changed after the start. */
  | "schema-changed"
  /** The target lacks roles that the source got after the start. */
  | "roles-missing"
  /** pg_dump failed, or its output could not be loaded. */
  | "dump-failed"
  /** The subscription is switched off, or the source has invalidated its replication slot. */
  | "replication-broken"
  /** A process of the source's server still uses the slot, so the slot cannot be dropped. */
  | "slot-in-use"
  /** The target was too far behind to begin the switch, or did not reach the end of the source's log in time. */
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
