import { createServer, type Server, type Socket } from "node:net";
import { acceptMux } from "../../lib/siamux/establish-mux.ts";
import type { Mux } from "../../lib/siamux/mux.ts";
import type { TestHost } from "../rhp4/rpc-server.ts";

/** A test host behind a real socket and siamux, on a port of its own on loopback. */
export interface SocketHost {
  readonly address: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: () => number;
  readonly muxes: Mux[];
  readonly sockets: Set<Socket>;
  stop(): Promise<void>;
}

/**
 * If `onSocket` returns true, the host does not serve the connection. A test uses this to simulate a server that is no
 * host.
 */
export async function listen(
  host: TestHost,
  options: { readonly onSocket?: (socket: Socket) => boolean; readonly address?: string } = {},
): Promise<SocketHost> {
  const sockets = new Set<Socket>();
  const muxes: Mux[] = [];
  let accepted = 0;
  const server: Server = createServer((socket) => {
    accepted++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    if (options.onSocket?.(socket)) return;
    acceptMux(socket, host.identity).then(
      (mux) => {
        muxes.push(mux);
        mux.onStream((stream) => void host.serve(stream));
      },
      () => {},
    );
  });
  const ip = options.address ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, ip, resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("not a TCP server");
  return {
    address: ip.includes(":") ? `[${ip}]:${bound.port}` : `${ip}:${bound.port}`,
    port: bound.port,
    accepted: () => accepted,
    muxes,
    sockets,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
