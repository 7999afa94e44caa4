/**
 * Stands between the fleet and its database. It can drop all traffic, as in an unannounced failover, or refuse all
 * connections.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface DatabaseProxy {
  /** The URL of the database through the proxy. Secret, like the original URL. */
  readonly url: string;
  /**
   * Drops all traffic, without FIN or RST. Connections that exist now or are opened before `recover` stay silent for
   * good.
   */
  fallSilent(): void;
  /** Acts like a stopped server: existing connections end, and new connections are refused until `recover`. */
  refuse(): void;
  recover(): void;
  /** Makes new connections wait until `release`, as if indexd, which opens them, were stopped. */
  hold(): void;
  release(): void;
  /** From now on, forwards new connections to the server at this port. */
  leadTo(port: number): void;
  /**
   * Whether the client of a connection has left. The connection's backend may not know yet, because it runs a
   * statement, waits for a lock, or has not been scheduled since the client left. `clientPort` is the connection's
   * client_port in pg_stat_activity.
   */
  hasLeft(clientPort: number): boolean;
  stop(): Promise<void>;
}

export async function startDatabaseProxy(url: string): Promise<DatabaseProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const left = new Set<number>();
  let dead = new WeakSet<Socket>();
  let isSilent = false;
  let leadsTo = Number(target.port);
  let waiting: (() => void)[] | undefined;
  const server = createServer({ pauseOnConnect: true }, (client) => {
    client.on("error", () => {});
    if (waiting === undefined) pass(client);
    else waiting.push(() => client.destroyed || pass(client));
  });
  const pass = (client: Socket): void => {
    const upstream = connect(leadsTo, target.hostname);
    let port = 0;
    upstream.on("connect", () => {
      port = upstream.localPort ?? 0;
      left.delete(port);
    });
    // A killed process ends its stream in the same way as a process that closes its connection.
    for (const event of ["end", "close"] as const) client.on(event, () => port > 0 && left.add(port));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      if (isSilent) dead.add(from);
      from.on("error", () => {});
      from.on("data", (bytes) => dead.has(from) || to.write(bytes));
      // On a silent connection the server does not see that the client has left. So when the client leaves, the proxy
      // ends its own connection to the server; then the backend ends too.
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    client.resume();
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const through = new URL(url);
  const { port } = server.address() as AddressInfo;
  through.port = String(port);
  return {
    url: through.href,
    fallSilent() {
      isSilent = true;
      for (const socket of sockets) dead.add(socket);
    },
    refuse() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
    recover() {
      isSilent = false;
      if (!server.listening) server.listen(port, "127.0.0.1");
    },
    hold() {
      waiting ??= [];
    },
    release() {
      const held = waiting ?? [];
      waiting = undefined;
      for (const goOn of held) goOn();
    },
    leadTo(to) {
      leadsTo = to;
    },
    hasLeft: (clientPort) => left.has(clientPort),
    async stop() {
      dead = new WeakSet();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
