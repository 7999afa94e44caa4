import { SlabmendError } from "../../errors/slabmend-error.ts";

export type JournalErrorCode =
  /** A follower found that rows it has not passed are gone. */
  "journal-gap";

/** Thrown when the journal is not the stream that its followers rely on: docs/journal.md. */
export class JournalError extends SlabmendError<JournalErrorCode> {}
