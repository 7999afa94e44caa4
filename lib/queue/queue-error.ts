import { SlabmendError } from "../errors/slabmend-error.ts";

export type QueueErrorCode =
  /** SQS did not accept messages or did not deliver any; the next run sends the unsent messages. */
  "queue-unavailable";

export class QueueError extends SlabmendError<QueueErrorCode> {}

export type MessageErrorCode =
  | "message-too-large"
  | "message-not-json"
  /** The message was written by another release: it returns to the queue and finally goes to the dead letters. */
  | "message-unknown-version"
  /** The message requests a job that this release does not support. */
  | "message-unknown-kind"
  /** The message's lease is in the database of another indexer. */
  | "message-of-another-indexer"
  | "message-malformed";

/** Thrown for a message from which no repair or check can begin. Never contains the message's text. */
export class MessageError extends SlabmendError<MessageErrorCode> {}
