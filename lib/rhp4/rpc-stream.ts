/**
 * One stream of a multiplexed connection; each RPC uses its own stream. siamux provides it in production, an in-memory pair in some
 * tests. Declared here so that this folder depends on no transport.
 */
export interface RpcStream {
  /** Resolves once the bytes are handed to the transport; rejects if the stream ended or the peer closed it. */
  write(bytes: Uint8Array): Promise<void>;
  /** Rejects with a typed error when the stream ends first. One read at a time. */
  readExactly(length: number): Promise<Uint8Array>;
  /** Fills `target` completely; after a rejection nothing more is written into `target`. */
  readInto(target: Uint8Array): Promise<void>;
  /** Graceful: tells the peer that we are done, unless it has closed already. */
  close(): void;
  /** Pending reads and writes reject with `cause`. */
  destroy(cause: Error): void;
  readonly peerClosed: boolean;
  /** Settles when the peer closes the stream or the connection ends, so that a writer can stop early. */
  readonly whenPeerCloses: Promise<void>;
}
