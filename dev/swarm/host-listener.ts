import { createServer, type Server, type Socket } from "node:net";
import { acceptMux } from "../../lib/siamux/establish-mux.ts";
import { HandshakeError } from "../../lib/siamux/siamux-error.ts";
import type { HostState } from "./host-state.ts";
import { PacedSocket } from "./paced-socket.ts";
import { serveStream } from "./serve-stream.ts";
import { SwarmError } from "./swarm-error.ts";

/**
 * Hosts listen below the ports that Linux and macOS use for outgoing connections. So while a host is offline, no
 * outgoing connection takes its port.
 */
const LOWEST_PORT = 15_000;
const HIGHEST_PORT = 32_000;
const PORT_ATTEMPTS = 200;

/** The keepalive delay of accepted connections, as in the public host. */
const TCP_KEEPALIVE_MS = 10_000;

/**
 * The listening side of a host.
 *
 *   closed --open--> listening --close--> closed
 *
 * A closed listener has no socket, timer or running RPC. The port that the first `open` chooses stays the same.
 */
export class HostListener {
  readonly #state: HostState;
  readonly #listen: string;
  readonly #connections = new Set<PacedSocket>();
  readonly #work = new Set<Promise<void>>();
  readonly #inward = { freeAtMs: 0 };
  readonly #outward = { freeAtMs: 0 };
  #server: Server | undefined;
  #port: number | undefined;

  constructor(state: HostState, listen: string) {
    this.#state = state;
    this.#listen = listen;
  }

  get isOpen(): boolean {
    return this.#server !== undefined;
  }

  get port(): number {
    return this.#port ?? 0;
  }

  /** Listens: the first time on a free port, afterwards always on the same port. */
  async open(random: () => number): Promise<void> {
    if (this.#port !== undefined) {
      this.#server = await this.#tryListen(this.#port);
      if (this.#server !== undefined) return;
      throw noPort(`port ${this.#port} was taken while the host was offline`);
    }
    for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
      const port = LOWEST_PORT + Math.floor(random() * (HIGHEST_PORT - LOWEST_PORT));
      this.#server = await this.#tryListen(port);
      if (this.#server === undefined) continue;
      this.#port = port;
      return;
    }
    throw noPort(`no free port between ${LOWEST_PORT} and ${HIGHEST_PORT} in ${PORT_ATTEMPTS} attempts`);
  }

  /** Refuses new connections and drops existing ones. Returns when all RPCs of the dropped connections have ended. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
    while (this.#work.size > 0) await Promise.all(this.#work);
    await closed;
  }

  /** Must be called after a change of a switch that slows or stops connections. */
  paceChanged(): void {
    for (const connection of this.#connections) connection.paceChanged();
  }

  #tryListen(port: number): Promise<Server | undefined> {
    const server = createServer((socket) => {
      this.#track(this.#serveConnection(socket));
    });
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRINUSE") resolve(undefined);
        else reject(error);
      });
      server.listen({ port, host: this.#listen, exclusive: true }, () => {
        server.removeAllListeners("error");
        server.on("error", (error) => this.#state.tally.noteFault(error));
        resolve(server);
      });
    });
  }

  #track(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }

  async #serveConnection(socket: Socket): Promise<void> {
    const { switches, identity, clock } = this.#state;
    this.#state.tally.connections++;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    const connection = new PacedSocket(socket, {
      clock,
      pace: () => {
        const { bytesPerSecond, latencyMs, availability } = switches.current;
        return { bytesPerSecond, latencyMs, halted: availability === "silent" };
      },
      inward: this.#inward,
      outward: this.#outward,
    });
    this.#connections.add(connection);
    const gone = new Promise<void>((resolve) => connection.once("close", resolve));
    connection.on("error", () => undefined); // The mux reports errors; without this listener an error would end the process.
    try {
      const mux = await acceptMux(connection, identity.privateKey);
      mux.onStream((stream) => this.#track(serveStream(this.#state, stream)));
      const end = await mux.closed;
      this.#state.tally.countEnd(end.code);
    } catch (error) {
      if (error instanceof HandshakeError) this.#state.tally.countEnd(error.code);
      else this.#state.tally.noteFault(error);
    } finally {
      connection.destroy();
      await gone;
      this.#connections.delete(connection);
    }
  }
}

function noPort(message: string): SwarmError {
  return new SwarmError({
    code: "no-port",
    message,
    remedy: "End the processes that occupy the ports, or start the swarm again.",
  });
}
