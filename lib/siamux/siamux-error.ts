import { type ErrorFacts, SlabmendError } from "../errors/slabmend-error.ts";

/** Why the handshake failed. The duplex is destroyed before the error is thrown. */
export type HandshakeErrorCode =
  | "handshake-timed-out"
  | "handshake-aborted"
  /** The transport ended or failed before the handshake was complete. */
  | "handshake-connection-lost"
  | "unsupported-version"
  /** The peer does not hold the private key of the host key that was dialled. */
  | "bad-signature"
  | "low-order-point"
  /** The peer's settings cannot be decrypted: it derived another key. */
  | "undecryptable-settings"
  | "unacceptable-settings";

/** Thrown by dialMux and acceptMux only. */
export class HandshakeError extends SlabmendError<HandshakeErrorCode> {}

/** Why a connection ended. */
export type MuxClosedCode =
  /** close() was called on this side. */
  | "closed-locally"
  /** destroy(cause) was called on this side. */
  | "destroyed"
  | "closed-by-peer"
  /** The transport failed; `cause` is its error. */
  | "connection-failed"
  /** The peer ended in the middle of a packet. */
  | "truncated-packet"
  /** A packet's tag is invalid: bytes were changed, lost or repeated in transit. */
  | "bad-packet"
  | "oversized-frame"
  | "reserved-stream-id"
  /** The peer opened a stream with an id that only we may assign. */
  | "foreign-stream-id"
  | "unknown-stream"
  | "stream-flood"
  | "too-many-streams"
  /** No frames but keepalives for at least three keepalive intervals. */
  | "inactive"
  /** No traffic for about `maxSilenceMs`, while a stream waited. */
  | "silent";

/** The reason that `Mux.closed` resolves with; every stream of the connection fails with the same object. */
export class MuxClosedError extends SlabmendError<MuxClosedCode> {}

/** The error that ends a connection because the peer violated the protocol. */
export function protocolViolation(
  code: MuxClosedCode,
  message: string,
  details: Readonly<Record<string, string | number | boolean>> = {},
): MuxClosedError {
  return new MuxClosedError({
    code,
    message: `siamux: ${message}`,
    remedy: "The peer violated the protocol: dial again, and prefer other hosts if it happens again.",
    details,
  });
}

/** Why one stream failed while its connection stays open. */
export type StreamErrorCode =
  /** We closed the stream ourselves. */
  | "stream-closed"
  /** A read wanted more bytes than the peer sent before it closed the stream. */
  | "stream-ended"
  /** The peer closed the stream before or during a write. */
  | "peer-closed-stream"
  /** The peer closed the stream with an error text. */
  | "peer-stream-error"
  /** The peer sent more than the buffer's limit. */
  | "stream-overflow"
  /** A second read while one is pending: a bug in the caller. */
  | "read-in-progress";

/** The rejection of a stream's reads and writes, unless the connection ended or destroy() gave a cause. */
export class StreamError extends SlabmendError<StreamErrorCode> {
  constructor(streamId: number, facts: ErrorFacts<StreamErrorCode>) {
    super({ ...facts, details: { ...facts.details, streamId } });
  }
}
