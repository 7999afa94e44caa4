import type { MuxClosedError } from "./siamux-error.ts";

/** Many streams over one encrypted connection. */
export interface Mux {
  /**
   * A new stream of ours. No round trip and no bytes: the peer learns of it from the first write.
   * On a connection that has ended the stream is born dead: its reads and writes reject with the reason.
   */
  openStream(): MuxStream;
  /** Sets what takes the streams that the peer opens. Streams that the peer has opened before are handed over now. */
  onStream(handler: (stream: MuxStream) => void): void;
  /** Settles, never rejects, once the transport is gone, with the reason. */
  readonly closed: Promise<MuxClosedError>;
  /** True from the moment that the connection became unusable, which is before `closed` settles. */
  readonly isClosed: boolean;
  /** Streams that neither side has closed. */
  readonly openStreamCount: number;
  /** Sets what is called whenever bytes arrive, or a full transport takes some of ours. */
  onMoved(handler: () => void): void;
  /** Every stream fails; what was handed to the transport is still sent, within a short grace. */
  close(): void;
  /** Every stream fails and the transport is destroyed at once. */
  destroy(cause: Error): void;
}

/** One duplex stream. There is no half-close: when either side closes, both directions end. */
export interface MuxStream {
  readonly id: number;
  /**
   * Resolves once the last byte was handed to the transport, waiting as long as it is full. The bytes must not change
   * until then. Rejects when the stream or the connection ends, and at once when the peer closes the stream.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** The next `length` bytes, in memory of their own. Rejects with `stream-ended` when the peer closed before that many. */
  readExactly(length: number): Promise<Uint8Array>;
  /**
   * Fills `target` completely, from what is buffered and then straight from each decrypted frame. One read at a time.
   * After a rejection the target's content is unspecified.
   */
  readInto(target: Uint8Array): Promise<void>;
  /** Graceful: writes that are pending go out first, then the peer is told if it knows the stream and has not closed it. */
  close(): void;
  /** Pending and later reads and writes reject with the cause; the peer is told as with close(). */
  destroy(cause: Error): void;
  readonly peerClosed: boolean;
  /** Resolves, never rejects, when the peer closes the stream, and at the latest when the stream is over for any reason. */
  readonly whenPeerCloses: Promise<void>;
}

/** The clock that a connection lives by; tests advance their own. */
export interface MuxClock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls back once after the delay; the returned function cancels. Must not keep the process alive on its own. */
  startTimer(callback: () => void, delayMs: number): () => void;
}

/** What both sides can configure. Every field has a default: lib/siamux/mux-options.ts. */
export interface MuxOptions {
  /** Aborts the handshake; without effect once the connection stands. */
  readonly signal?: AbortSignal;
  readonly handshakeTimeoutMs?: number;
  readonly clock?: MuxClock;
  /** Source of the one-time X25519 private key. */
  readonly randomBytes?: (lengthBytes: number) => Uint8Array;
  /** What we propose; the smaller value of both sides counts. */
  readonly packetSizeBytes?: number;
  readonly maxTimeoutMs?: number;
  /** Most bytes that one stream holds for a reader that has not asked for them yet; beyond it the stream is destroyed. */
  readonly maxBufferedBytes?: number;
  /**
   * A connection on which nothing moves for about so long, while a stream waits for it, ends as `silent`. Default: only what
   * the caller's own deadlines say.
   */
  readonly maxSilenceMs?: number;
  /** Most streams that the peer may have open at once; beyond it the connection ends. */
  readonly maxPeerStreams?: number;
}
