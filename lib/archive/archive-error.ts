import { SlabmendError } from "../errors/slabmend-error.ts";

export type ArchiveErrorCode =
  /** The directory or bucket could not be read or written; it is tried again. */
  | "archive-unavailable"
  /** The archive is ahead of the database: it was restored from a backup, or is a copy of the one that writes here. */
  | "archive-rewound"
  /** A segment or the manifest is not there. */
  | "archive-missing"
  /** A segment or the manifest is truncated, altered, or does not go on where the one before ends. */
  | "archive-altered"
  /** It was written for another indexer's database. */
  | "archive-of-another-indexer"
  /** indexd had not started on this database when our schema was made, so nothing tells whose it is. */
  | "wallet-unknown";

/** Thrown when the archive of the journal cannot be followed, or must not be: docs/journal.md. */
export class ArchiveError extends SlabmendError<ArchiveErrorCode> {}

const RESTORE_COPY =
  "Put the file back from a copy or an earlier version of the bucket's object; nothing was followed.";

export function unavailable(place: string, what: string, cause: unknown): ArchiveError {
  const code = codeOf(cause);
  return new ArchiveError({
    code: "archive-unavailable",
    message: `the archive ${place}: expected to ${what}, got ${code}`,
    remedy:
      "Look whether the directory or bucket exists and may be read and written; it is tried again every minute.",
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
    remedy: "Give each indexer a directory or prefix of its own: SLABMEND_ARCHIVE.",
    details: { key },
  });
}

/** Stable codes only: a library's message may carry what is secret. */
function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause;
  const code = "code" in cause ? cause.code : undefined;
  return typeof code === "string" && /^[A-Za-z0-9_]{1,60}$/.test(code) ? code : cause.name;
}
