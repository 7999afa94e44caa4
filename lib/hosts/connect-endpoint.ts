import { connect, type Socket } from "node:net";
import { packetMemory } from "../siamux/packet-memory.ts";
import type { Endpoint } from "./endpoints.ts";

/** Opens a byte stream to an endpoint. Rejects with Node's own error, or soon after the signal aborts. */
export type ConnectEndpoint = (endpoint: Endpoint, signal: AbortSignal) => Promise<Socket>;

/** TCP keepalive, by which the kernel notices that the peer is gone. Hosts use it on their side too. */
const KEEPALIVE_IDLE_MS = 10_000;

export const connectTcp: ConnectEndpoint = ({ ip, port }, signal) =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // `lookup` fails on purpose: `ip` has been checked, and no name may be resolved after that.
    const lookup = () => {
      throw new Error(`${ip}: not an IP address`);
    };
    const { readArea } = packetMemory();
    // All sockets may read into the same memory, because a socket's packets are decrypted before the next socket reads.
    // With `onread` the socket itself emits no `data` event, so the callback emits it: readers expect it, as from any
    // Duplex.
    const onread = {
      buffer: readArea,
      callback: (bytes: number) => socket.emit("data", readArea.subarray(0, bytes)),
    };
    const socket: Socket = connect({
      host: ip,
      port,
      lookup,
      autoSelectFamily: false,
      noDelay: true,
      onread,
    });
    const done = () => {
      signal.removeEventListener("abort", abort);
      socket.removeListener("error", fail);
      socket.removeListener("connect", succeed);
    };
    const fail = (error: Error) => {
      done();
      // A destroyed socket may still emit an error. Without a listener, the error would end the process.
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const abort = () => fail(signal.reason as Error);
    const succeed = () => {
      done();
      socket.setKeepAlive(true, KEEPALIVE_IDLE_MS);
      resolve(socket);
    };
    socket.once("error", fail);
    socket.once("connect", succeed);
    signal.addEventListener("abort", abort, { once: true });
  });

/** Codes that mean that the cause is this machine, not the host: no such address family, no route, no more sockets. */
const OWN_FAILURES: ReadonlySet<string> = new Set([
  "ENETUNREACH",
  "ENETDOWN",
  "EAFNOSUPPORT",
  "EADDRNOTAVAIL",
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
]);

/** Whether this machine, not the host, is the cause of a failure to connect. */
export function isOwnNetworkFailure(error: unknown): boolean {
  return error instanceof Error && "code" in error && OWN_FAILURES.has(String(error.code));
}
