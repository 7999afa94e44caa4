import { SlabmendError } from "./slabmend-error.ts";

export type OperatorErrorCode =
  /** What was typed or set cannot be meant. */
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
  /** The database was reached or not, and does not let us. */
  | "database-unreachable"
  | "certificate-refused"
  | "tls-refused"
  | "login-refused"
  | "no-such-database"
  | "too-many-connections"
  | "lacks-right"
  | "database-failed"
  /** The command is right, but not now: nothing was changed. */
  | "not-confirmed"
  | "no-such-slab"
  | "slab-not-leasable"
  | "leases-running"
  | "still-connected"
  | "login-allowed"
  | "archive-behind"
  | "indexd-not-known"
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
  /** This machine. */
  | "worker-failed"
  | "worker-unfit"
  /** AWS, or what stands in for it. */
  | "function-failed"
  | "aws-package-missing"
  | "aws-unavailable";

/** Thrown by the command line's own use cases; the exit code follows from the code (exit-codes.ts). */
export class OperatorError extends SlabmendError<OperatorErrorCode> {}
