/**
 * One stream of a multiplexed connection; each RPC uses its own stream. In production the stream comes from siamux, in
 * some tests from a pair in memory. Declared here so that this folder depends on no transport.
 */
export interface RpcStream {
  /** Resolves once the transport has taken the bytes; rejects if the stream has ended or the peer has closed it. */
  write(bytes: Uint8Array): Promise<void>;
  /** Rejects with a typed error if the stream ends before `length` bytes have come. Allows one read at a time. */
  readExactly(length: number): Promise<Uint8Array>;
  /** Fills `target` completely; after a rejection nothing more is written into `target`. */
  readInto(target: Uint8Array): Promise<void>;
  /**
   * Ends the stream gracefully: tells the peer that nothing more follows, if the peer has not closed the stream
   * already.
   */
  close(): void;
  /** Ends the stream at once: pending reads and writes reject with `cause`. */
  destroy(cause: Error): void;
  readonly peerClosed: boolean;
  /** Settles when the peer closes the stream or the connection ends, so that a writer can stop early. */
  readonly whenPeerCloses: Promise<void>;
}
