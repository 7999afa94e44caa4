/** A network between the fleet and its database that can drop everything, as after a failover without notice, or refuse everything. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface DatabaseProxy {
  /** The same database, through the proxy. Secret, as what it is made from. */
  readonly url: string;
  /** Nothing passes any more: on the connections there are for ever, on new ones until `recover`. No FIN, no RST. */
  fallSilent(): void;
  /** As if the server were stopped: connections end, and new ones are refused until `recover`. */
  refuse(): void;
  recover(): void;
  stop(): Promise<void>;
}

export async function startDatabaseProxy(url: string): Promise<DatabaseProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let dead = new WeakSet<Socket>();
  let isSilent = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      if (isSilent) dead.add(from);
      from.on("error", () => {});
      from.on("data", (bytes) => dead.has(from) || to.write(bytes));
      // The server does not hear that a client leaves a dead connection, but its backend must end in time.
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
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
    async stop() {
      dead = new WeakSet();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
