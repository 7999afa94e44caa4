import { type ErrorFacts, SlabmendError } from "../errors/slabmend-error.ts";

/** Why no connection came about. The duplex has been destroyed when one of these is thrown. */
export type HandshakeErrorCode =
  | "handshake-timed-out"
  | "handshake-aborted"
  /** The transport ended or failed before the handshake was complete. */
  | "handshake-connection-lost"
  | "unsupported-version"
  /** The peer does not hold the private key of the host key that was dialled. */
  | "bad-signature"
  | "low-order-point"
  /** The peer's settings do not decrypt: it derived another key. */
  | "undecryptable-settings"
  | "unacceptable-settings";

/** Thrown by dialMux and acceptMux only. */
export class HandshakeError extends SlabmendError<HandshakeErrorCode> {}

/** Why a connection ended. */
export type MuxClosedCode =
  /** close() was called here. */
  | "closed-locally"
  /** destroy(cause) was called here. */
  | "destroyed"
  | "closed-by-peer"
  /** The transport failed; `cause` is its error. */
  | "connection-failed"
  /** The peer ended in the middle of a packet. */
  | "truncated-packet"
  /** A packet's tag does not fit: bytes were changed, lost or repeated on the way. */
  | "bad-packet"
  | "oversized-frame"
  | "reserved-stream-id"
  /** A FIRST frame with an id that only we may open. */
  | "foreign-stream-id"
  | "unknown-stream"
  | "stream-flood"
  | "too-many-streams"
  /** Nothing but keepalives for three intervals. */
  | "inactive"
  /** Nothing at all for seconds, while a stream waited. */
  | "silent";

/** The reason that `Mux.closed` settles with; every stream of the connection fails with the same object. */
export class MuxClosedError extends SlabmendError<MuxClosedCode> {}

/** The end of a connection whose peer broke the protocol. */
export function protocolViolation(
  code: MuxClosedCode,
  message: string,
  details: Readonly<Record<string, string | number | boolean>> = {},
): MuxClosedError {
  return new MuxClosedError({
    code,
    message: `siamux: ${message}`,
    remedy: "The peer broke the protocol: dial again, and prefer other hosts if it happens again.",
    details,
  });
}

/** Why one stream failed while its connection lives on. */
export type StreamErrorCode =
  /** We closed the stream ourselves. */
  | "stream-closed"
  /** A read wanted more bytes than the peer sent before it closed the stream. */
  | "stream-ended"
  /** A write after, or while, the peer closed the stream. */
  | "peer-closed-stream"
  /** The peer closed the stream with an error text. */
  | "peer-stream-error"
  /** The peer sent more than we are willing to buffer. */
  | "stream-overflow"
  /** A second read while one is pending: a bug of the caller. */
  | "read-in-progress";

/** What reads and writes of a stream reject with unless the whole connection ended or destroy() gave a cause. */
export class StreamError extends SlabmendError<StreamErrorCode> {
  constructor(streamId: number, facts: ErrorFacts<StreamErrorCode>) {
    super({ ...facts, details: { ...facts.details, streamId } });
  }
}
