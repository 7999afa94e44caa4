import type { RpcStream } from "../rhp4/rpc-stream.ts";
import type { HostKey } from "../slab/ids.ts";

/** A host's key and announced addresses. */
export interface HostTarget {
  readonly hostKey: HostKey;
  /** siamux addresses, `host:port` or `[v6]:port`. */
  readonly addresses: readonly string[];
}

/** The part of a connection that a pool needs; siamux's Mux implements it. */
export interface HostConnection {
  openStream(): RpcStream;
  /** Settles when the connection has ended. */
  readonly closed: Promise<unknown>;
  readonly isClosed: boolean;
  /** Sets the handler to call whenever bytes arrive, or when the host accepts bytes after a delay. */
  onMoved(handler: () => void): void;
  close(): void;
  destroy(cause: Error): void;
}

/** Connects to a host and proves its key. Rejects soon after the signal aborts, with nothing left open. */
export type HostDialer = (host: HostTarget, signal: AbortSignal) => Promise<HostConnection>;
