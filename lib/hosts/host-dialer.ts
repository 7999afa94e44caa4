import type { RpcStream } from "../rhp4/rpc-stream.ts";
import type { HostKey } from "../slab/ids.ts";

/** Which host, and where it announced to be. */
export interface HostTarget {
  readonly hostKey: HostKey;
  /** siamux addresses, `host:port` or `[v6]:port`. */
  readonly addresses: readonly string[];
}

/** What a pool needs of a connection; siamux's Mux is one. */
export interface HostConnection {
  openStream(): RpcStream;
  /** Settles when the connection has ended. */
  readonly closed: Promise<unknown>;
  readonly isClosed: boolean;
  /** Sets what is called whenever bytes arrive, or the host takes some that it was slow to take. */
  onMoved(handler: () => void): void;
  close(): void;
  destroy(cause: Error): void;
}

/** Connects to a host and proves its key. Rejects soon after the signal aborts, with nothing left open. */
export type HostDialer = (host: HostTarget, signal: AbortSignal) => Promise<HostConnection>;
