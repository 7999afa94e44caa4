import { SlabmendError } from "./slabmend-error.ts";

export type OperatorErrorCode =
  /** An argument or a setting is wrong. */
  | "bad-argument"
  | "secret-on-command-line"
  | "phrase-missing"
  | "wallet-mismatch"
  | "wallet-unknown"
  | "wallet-unreadable"
  | "database-url-missing"
  | "database-url-malformed"
  | "database-url-without-tls"
  | "variables-file-unreadable"
  | "variables-file-unfit"
  | "terminal-missing"
  | "variable-missing"
  | "secret-file-unsafe"
  | "password-unfit"
  | "password-missing"
  | "address-unusable"
  /** The database is unreachable or cannot be used. */
  | "database-unreachable"
  | "certificate-refused"
  | "tls-refused"
  | "login-refused"
  | "no-such-database"
  | "too-many-connections"
  | "lacks-right"
  | "database-failed"
  /** The command is correct, but refused for now; nothing was changed. */
  | "not-confirmed"
  | "no-such-slab"
  | "slab-not-leasable"
  | "leases-running"
  | "still-connected"
  | "login-allowed"
  | "archive-behind"
  | "indexd-not-known"
  | "hosts-silent"
  | "nothing-to-remove"
  | "fleet-in-maintenance"
  | "fleet-being-deleted"
  | "no-such-indexer"
  | "not-quarantined"
  | "no-such-dead-letter"
  | "no-such-sector"
  | "no-such-host"
  | "no-such-object"
  | "no-such-follower"
  | "sector-not-served"
  | "not-restored"
  /** A problem of this machine. */
  | "worker-failed"
  | "worker-unfit"
  /** A problem with AWS or its emulator. */
  | "function-failed"
  | "aws-package-missing"
  | "aws-unavailable";

/** Thrown by the command line's own code; the error code determines the exit code (exit-codes.ts). */
export class OperatorError extends SlabmendError<OperatorErrorCode> {}
