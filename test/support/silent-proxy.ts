/**
 * A server behind a network that can drop everything without FIN or RST, so that connections stay open. This happens in
 * a failover, or after a NAT has forgotten a connection.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A connection whose traffic is dropped. */
export interface DeadConnection {
  /** Number of bytes that the client has sent since the dropping began. */
  readonly bytes: number;
  readonly isLeft: boolean;
}

export interface SilentProxy {
  readonly port: number;
  /** Number of accepted connections. */
  readonly accepted: number;
  readonly dead: readonly DeadConnection[];
  /**
   * Drops all traffic on existing and later connections. Resolves when the first bytes of a client have been dropped.
   */
  fallSilent(): Promise<void>;
  /** Falls silent as soon as a client sends this text; `lost` says whether the server still gets the text. */
  fallSilentAt(text: string, lost: "statement" | "answer"): Promise<void>;
  /** Forwards later connections again. Dead ones stay dead. */
  recover(): void;
  stop(): Promise<void>;
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

export async function startSilentProxy(target: { host: string; port: number }): Promise<SilentProxy> {
  const sockets = new Set<Socket>();
  const dead: DeadConnection[] = [];
  const falls = new Set<() => void>();
  let isSilent = false;
  let silentAt: { text: string; lost: "statement" | "answer" } | undefined;
  let accepted = 0;
  let spokenInVain = Promise.withResolvers<void>();
  const fall = (): void => {
    isSilent = true;
    silentAt = undefined;
    for (const die of falls) die();
    falls.clear();
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    accepted += 1;
    const upstream = connect({ ...target, allowHalfOpen: true });
    let death: Mutable<DeadConnection> | undefined;
    const die = (): void => {
      death = { bytes: 0, isLeft: false };
      dead.push(death);
    };
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("end", () => {
        if (death === undefined) other.end();
        else if (socket === client) death.isLeft = true;
      });
      socket.on("close", () => {
        falls.delete(die);
        if (death === undefined) other.destroy();
        else if (socket === client) death.isLeft = true;
      });
    }
    client.on("data", (bytes) => {
      const match = death === undefined && silentAt !== undefined && bytes.includes(silentAt.text);
      if (match && silentAt?.lost === "answer") upstream.write(bytes);
      if (match) fall();
      if (death === undefined) return void upstream.write(bytes);
      if (death.bytes === 0 || match) spokenInVain.resolve();
      death.bytes += bytes.length;
    });
    upstream.on("data", (bytes) => {
      if (death === undefined) client.write(bytes);
    });
    if (isSilent) die();
    else falls.add(die);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    dead,
    fallSilent() {
      spokenInVain = Promise.withResolvers();
      fall();
      return spokenInVain.promise;
    },
    fallSilentAt(text, lost) {
      spokenInVain = Promise.withResolvers();
      silentAt = { text, lost };
      return spokenInVain.promise;
    },
    recover() {
      isSilent = false;
      silentAt = undefined;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A silent proxy in front of the database at `url`. The returned `url` leads through the proxy. */
export async function startSilentDatabase(url: string): Promise<SilentProxy & { readonly url: string }> {
  const through = new URL(url);
  const proxy = await startSilentProxy({ host: through.hostname, port: Number(through.port) });
  through.port = String(proxy.port);
  return Object.assign(proxy, { url: through.href });
}
