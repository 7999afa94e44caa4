import { SlabmendError } from "../errors/slabmend-error.ts";

export type QueueErrorCode =
  /** SQS did not take or give messages; what was to be sent stays unsent and is sent by the next run. */
  "queue-unavailable";

export class QueueError extends SlabmendError<QueueErrorCode> {}

export type MessageErrorCode =
  | "message-too-large"
  | "message-not-json"
  /** Written by another release: it goes back to the queue, and to the dead letters in the end. */
  | "message-unknown-version"
  /** Asks for a job that this release does not know. */
  | "message-unknown-kind"
  /** Its lease is in the database of another indexer. */
  | "message-of-another-indexer"
  | "message-malformed";

/** Thrown for a message that no repair can begin from. Never carries the message's text. */
export class MessageError extends SlabmendError<MessageErrorCode> {}
