import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { seededRandom } from "../support/seeded-random.ts";

/** A TCP proxy on loopback that splits the bytes of both directions at random places. */
export interface ChoppingProxy {
  readonly port: number;
  /** Number of pieces written so far, so that a test can check that the proxy has split the data. */
  readonly pieces: () => number;
  close(): Promise<void>;
}

/**
 * Draws the size of the next piece: one byte; at most a header; about a packet; at most two packets; or at most a
 * batch. On average a piece is so large that a sector takes hundreds of pieces, not hundreds of thousands.
 */
function pieceBytes(random: () => number): number {
  const kind = random();
  if (kind < 0.1) return 1;
  if (kind < 0.3) return 1 + Math.floor(random() * 40);
  if (kind < 0.4) return 4320 + Math.floor(random() * 3) - 1;
  if (kind < 0.7) return 1 + Math.floor(random() * 9000);
  return 1 + Math.floor(random() * 65_536);
}

export async function startChoppingProxy(options: {
  readonly host: string;
  readonly port: number;
  readonly seed: number;
}): Promise<ChoppingProxy> {
  const random = seededRandom(options.seed);
  const sockets = new Set<Socket>();
  let pieces = 0;
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const chop = async (from: Socket, to: Socket): Promise<void> => {
    try {
      for await (const bytes of from as AsyncIterable<Buffer>) {
        for (let at = 0; at < bytes.length; ) {
          const piece = bytes.subarray(at, at + pieceBytes(random));
          at += piece.length;
          pieces++;
          if (to.destroyed) return;
          // The piece is sent separately: the next piece is written only in the next turn of the event loop.
          await new Promise<void>((resolve) => to.write(piece, () => setImmediate(resolve)));
        }
      }
      to.end();
    } catch {
      to.destroy();
    }
  };
  const server = createServer((client) => {
    const host = connect(options.port, options.host);
    track(client);
    track(host);
    void chop(client, host);
    void chop(host, client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    pieces: () => pieces,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
