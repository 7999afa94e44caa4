import type { HostConnection, HostDialer } from "../../lib/hosts/host-dialer.ts";
import { HostError } from "../../lib/hosts/host-error.ts";
import { MuxClosedError } from "../../lib/siamux/siamux-error.ts";
import type { HostKey } from "../../lib/slab/ids.ts";
import { type MemoryStream, memoryStreamPair } from "../rhp4/memory-stream.ts";
import type { TestHost } from "../rhp4/rpc-server.ts";

/** A connection in memory. The test host serves each stream of the connection. */
class MemoryConnection implements HostConnection {
  readonly closed: Promise<unknown>;
  isClosed = false;
  destroyedWith: Error | undefined;
  /** Silently drops all data, like a NAT that has forgotten a connection. */
  isBlackHole = false;
  readonly #host: TestHost;
  readonly #streams = new Set<{ client: MemoryStream; host: MemoryStream }>();
  readonly #serving = new Set<Promise<void>>();
  readonly #resolveClosed: () => void;
  #moved = (): void => {};

  constructor(host: TestHost) {
    this.#host = host;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  openStream(): MemoryStream {
    const pair = memoryStreamPair();
    pair.client.onReceived = () => this.#moved();
    if (this.isClosed) pair.client.destroy(closedError("closed-by-peer"));
    else if (!this.isBlackHole) {
      this.#streams.add(pair);
      const served = this.#host.serve(pair.host).finally(() => {
        this.#serving.delete(served);
        this.#streams.delete(pair);
      });
      this.#serving.add(served);
    }
    return pair.client;
  }

  onMoved(handler: () => void): void {
    this.#moved = handler;
  }

  get serving(): number {
    return this.#serving.size;
  }

  close(): void {
    this.#end(closedError("closed-locally"));
  }

  destroy(cause: Error): void {
    this.destroyedWith ??= cause;
    this.#end(closedError("destroyed", cause));
  }

  /** Ends the connection as if the host's machine had reset it. */
  breakDown(): void {
    this.#end(closedError("connection-failed"));
  }

  #end(reason: MuxClosedError): void {
    this.isClosed = true;
    for (const { client, host } of this.#streams) {
      client.destroy(reason);
      host.destroy(reason);
    }
    this.#streams.clear();
    this.#resolveClosed();
  }
}

function closedError(
  code: ConstructorParameters<typeof MuxClosedError>[0]["code"],
  cause?: Error,
): MuxClosedError {
  return new MuxClosedError({ code, message: `memory connection ${code}`, remedy: "", cause });
}

/** Hosts that can be dialled, and the connections made so far. */
export interface MemoryNetwork {
  readonly dialer: HostDialer;
  readonly connections: MemoryConnection[];
  add(host: TestHost): void;
  /** Called at the start of every dial. It may wait, or throw to make the dial fail. */
  onDial: (hostKey: HostKey, signal: AbortSignal) => Promise<void> | void;
}

export function createMemoryNetwork(): MemoryNetwork {
  const hosts = new Map<HostKey, TestHost>();
  const network: MemoryNetwork = {
    connections: [],
    add: (host) => hosts.set(host.hostKey, host),
    onDial: () => {},
    async dialer({ hostKey }, signal) {
      await network.onDial(hostKey, signal);
      const host = hosts.get(hostKey);
      if (!host) throw new HostError(hostKey, "unreachable", "no such host");
      const connection = new MemoryConnection(host);
      network.connections.push(connection);
      return connection;
    },
  };
  return network;
}
