/** Servers that accept connections but are no database, like a tunnel, a proxy or a server of another protocol. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

const fatal = (code: string, message: string): Buffer => {
  const body = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5, "E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};

export const WAYS_TO_CLOSE: Readonly<Record<string, (socket: Socket) => void>> = {
  "closes at once": (socket) => socket.end(),
  "closes after the client's first words": (socket) => socket.once("data", () => socket.end()),
  "resets at once": (socket) => socket.resetAndDestroy(),
  "resets after the client's first words": (socket) => socket.once("data", () => socket.resetAndDestroy()),
  "answers in another protocol": (socket) =>
    socket.once("data", () =>
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>400</html>"),
    ),
  "lets in more connections than it has": (socket) =>
    socket.once("data", () => socket.end(fatal("08P01", "no more connections allowed"))),
  "starts up": (socket) =>
    socket.once("data", () => socket.end(fatal("57P03", "the database system is starting up"))),
};

export interface ClosingServer {
  readonly url: string;
  /** Number of connections so far. */
  readonly accepted: number;
  stop(): Promise<void>;
}

export async function startClosingServer(close: (socket: Socket) => void): Promise<ClosingServer> {
  let accepted = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    close(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://slabmend:secret@127.0.0.1:${port}/indexd`,
    get accepted() {
      return accepted;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
