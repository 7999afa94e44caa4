import type { MuxClosedError } from "./siamux-error.ts";

/** Many streams over one encrypted connection. */
export interface Mux {
  /**
   * Opens a stream. Sends nothing: the peer learns of the stream from the first write.
   * On an ended connection, the stream's reads and writes reject with the reason.
   */
  openStream(): MuxStream;
  /** Sets the handler for streams opened by the peer. The handler also gets the streams that are already open. */
  onStream(handler: (stream: MuxStream) => void): void;
  /** Resolves with the reason once the transport has closed; never rejects. */
  readonly closed: Promise<MuxClosedError>;
  /** True as soon as the connection is unusable, which is before `closed` settles. */
  readonly isClosed: boolean;
  /** Streams that neither side has closed. */
  readonly openStreamCount: number;
  /** Sets a callback, called when bytes arrive, and when a transport that was full has space for our bytes again. */
  onMoved(handler: () => void): void;
  /** Every stream fails; data already handed to the transport is still sent within a short time. */
  close(): void;
  /** Every stream fails and the transport is destroyed at once. */
  destroy(cause: Error): void;
}

/** One duplex stream. There is no half-close: when either side closes, both directions end. */
export interface MuxStream {
  readonly id: number;
  /**
   * Resolves once the last byte has been handed to the transport; waits while the transport is full. The bytes must not
   * change before the promise settles. Rejects if the stream or the connection ends, and at once if the peer closes the
   * stream.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** The next `length` bytes, in their own memory. Rejects with `stream-ended` if the peer closes the stream first. */
  readExactly(length: number): Promise<Uint8Array>;
  /**
   * Fills `target` completely, from the buffer and then directly from each decrypted frame. One read at a time. After a
   * rejection the target's content is unspecified.
   */
  readInto(target: Uint8Array): Promise<void>;
  /** Graceful: sends pending writes, then tells the peer, if the peer knows the stream and has not closed it. */
  close(): void;
  /** Pending and later reads and writes reject with the cause; the peer is told as with close(). */
  destroy(cause: Error): void;
  readonly peerClosed: boolean;
  /** Resolves when the peer closes the stream or the stream ends for any other reason; never rejects. */
  readonly whenPeerCloses: Promise<void>;
}

/** The clock of a connection; tests control their own. */
export interface MuxClock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls back once after the delay; the returned function cancels. Must not keep the process alive on its own. */
  startTimer(callback: () => void, delayMs: number): () => void;
}

/** The options of dialMux and acceptMux. Every field has a default: lib/siamux/mux-options.ts. */
export interface MuxOptions {
  /** Aborts the handshake; has no effect on an established connection. */
  readonly signal?: AbortSignal;
  readonly handshakeTimeoutMs?: number;
  readonly clock?: MuxClock;
  /** Source of the one-time X25519 private key. */
  readonly randomBytes?: (lengthBytes: number) => Uint8Array;
  /** Our proposal; the connection uses the smaller of both sides' values. */
  readonly packetSizeBytes?: number;
  readonly maxTimeoutMs?: number;
  /**
   * Maximum bytes that a stream buffers for a reader that has not asked for them; beyond it the stream is destroyed.
   */
  readonly maxBufferedBytes?: number;
  /**
   * A connection without traffic for about this time, while a stream waits, ends as `silent`. Default: no limit other
   * than the caller's own deadlines.
   */
  readonly maxSilenceMs?: number;
  /** Maximum number of streams that the peer may have open; beyond it the connection ends. */
  readonly maxPeerStreams?: number;
}
