import { SlabmendError } from "../errors/slabmend-error.ts";

export type ArchiveErrorCode =
  /** The directory or bucket could not be read or written; this is retried. */
  | "archive-unavailable"
  /** The archive is ahead of the database, which was restored from a backup or is a copy of the archiving database. */
  | "archive-rewound"
  /** A segment or the manifest is missing. */
  | "archive-missing"
  /** A segment or the manifest is truncated, altered, or does not continue the previous segment. */
  | "archive-altered"
  /** The archive was written for another indexer's database. */
  | "archive-of-another-indexer"
  /** indexd had not started on this database when slabmend's schema was created, so the indexer is not known. */
  | "wallet-unknown";

/** Thrown if the archive of the journal cannot or must not be used: docs/journal.md. */
export class ArchiveError extends SlabmendError<ArchiveErrorCode> {}

const RESTORE_COPY =
  "Restore the file from a copy, or from an earlier version of the object in the bucket; no row of the archive was applied.";

export function unavailable(place: string, what: string, cause: unknown): ArchiveError {
  const code = codeOf(cause);
  return new ArchiveError({
    code: "archive-unavailable",
    message: `the archive ${place}: expected to ${what}, got ${code}`,
    remedy:
      "Check whether the directory or bucket exists and may be read and written; slabmend tries again every minute.",
    details: { code },
    cause,
  });
}

export function missing(place: string, key: string): ArchiveError {
  return new ArchiveError({
    code: "archive-missing",
    message: `the archive ${place}: expected ${key}, got nothing`,
    remedy: RESTORE_COPY,
    details: { key },
  });
}

export function altered(key: string, expected: string, got: string, cause?: unknown): ArchiveError {
  return new ArchiveError({
    code: "archive-altered",
    message: `${key} of the archive: expected ${expected}, got ${got}`,
    remedy: RESTORE_COPY,
    details: { key },
    cause,
  });
}

export function ofAnotherIndexer(key: string): ArchiveError {
  return new ArchiveError({
    code: "archive-of-another-indexer",
    message: `${key} of the archive: expected the wallet hash of this indexer, got another`,
    remedy: "Give each indexer its own directory or prefix in SLABMEND_ARCHIVE.",
    details: { key },
  });
}

/**
 * Returns a stable code or the error's name, but never its message, because a library's message may contain secrets.
 */
function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause;
  const code = "code" in cause ? cause.code : undefined;
  return typeof code === "string" && /^[A-Za-z0-9_]{1,60}$/.test(code) ? code : cause.name;
}
