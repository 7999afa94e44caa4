import { connect, type Socket } from "node:net";
import { packetMemory } from "../siamux/packet-memory.ts";
import type { Endpoint } from "./endpoints.ts";

/** Opens a byte stream to an endpoint. Rejects with Node's own error, or soon after the signal aborts. */
export type ConnectEndpoint = (endpoint: Endpoint, signal: AbortSignal) => Promise<Socket>;

/** As hosts do on their side: a peer that is gone is noticed by the kernel. */
const KEEPALIVE_IDLE_MS = 10_000;

export const connectTcp: ConnectEndpoint = ({ ip, port }, signal) =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // `lookup` fails on purpose: `ip` was judged, and nothing may be looked up after that.
    const lookup = () => {
      throw new Error(`${ip}: not an IP address`);
    };
    const { readArea } = packetMemory();
    // Every socket reads into the same memory, in which its packets are opened before another one reads. That the bytes are there
    // is told by the event that any Duplex has.
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
      // A destroyed socket may still report an error; unheard it would end the process.
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

/** What the kernel says when this machine, and not the host, is the reason: no such family, no route, no more sockets. */
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

/** Whether a failure to connect says nothing about the host. */
export function isOwnNetworkFailure(error: unknown): boolean {
  return error instanceof Error && "code" in error && OWN_FAILURES.has(String(error.code));
}
