import { SlabmendError } from "../../errors/slabmend-error.ts";

export type JournalErrorCode =
  /** Rows that a follower had not yet processed were deleted. */
  "journal-gap";

/** Thrown when the journal is not the gapless stream on which its followers rely: docs/journal.md. */
export class JournalError extends SlabmendError<JournalErrorCode> {}
