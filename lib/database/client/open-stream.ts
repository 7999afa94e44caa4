/** Opens a connection to the server for the driver: TCP, then TLS if the URL requires it. */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import type { DatabaseUrl } from "../../config/database-url.ts";
import { connectionError } from "./connection-error.ts";

export interface StreamTarget extends Pick<DatabaseUrl, "host" | "port" | "tls"> {
  /** Certificates of authorities, as PEM, to use instead of those built into Node.js. */
  readonly authorities?: string | undefined;
}

/** PostgreSQL 18, 54.7 Message Formats: SSLRequest. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const YES = "S".charCodeAt(0);

/**
 * @param signal aborts the attempt; its reason, an Error, is thrown
 * @throws the error of the socket or of TLS, CONNECTION_CLOSED or TLS_REFUSED; nothing is left open then
 */
export async function openStream(target: StreamTarget, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket = connectTcp({ host: target.host, port: target.port });
  // A late error of an abandoned stream must not end the process.
  socket.on("error", () => {});
  try {
    await waitFor(socket, "connect", target, signal);
    return target.tls === "none" ? socket : await encrypt(socket, target, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function encrypt(socket: Socket, target: StreamTarget, signal: AbortSignal): Promise<Socket> {
  socket.write(SSL_REQUEST);
  const answer = (await waitFor(socket, "data", target, signal)) as Buffer;
  // The answer is one byte. Further bytes are refused: they could come from an attacker on the way, and would be read
  // as if they had been encrypted.
  const isAccepted = answer.length === 1 && answer[0] === YES;
  if (!isAccepted) {
    if (target.tls === "optional" && answer.length === 1) return socket;
    throw connectionError("TLS_REFUSED", target);
  }
  const secure: TLSSocket = connectTls({
    socket,
    // A TLS server name cannot be an IP address.
    ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
    ...(target.authorities === undefined ? {} : { ca: target.authorities }),
    rejectUnauthorized: target.tls === "verified",
    // Without this option, a certificate for a host that is given as an IP address would be compared with "localhost".
    checkServerIdentity: (_name, certificate) => checkServerIdentity(target.host, certificate),
  });
  secure.on("error", () => {});
  await waitFor(secure, "secureConnect", target, signal);
  return secure;
}

function waitFor(
  socket: Socket,
  event: "connect" | "data" | "secureConnect",
  target: StreamTarget,
  signal: AbortSignal,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.off(event, onEvent).off("error", onError).off("end", onClose).off("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const onEvent = (value: unknown): void => {
      stop();
      resolve(value);
    };
    const onError = (error: Error): void => {
      stop();
      reject(error);
    };
    const onClose = (): void => onError(connectionError("CONNECTION_CLOSED", target));
    const onAbort = (): void => onError(signal.reason);
    socket.once(event, onEvent).once("error", onError).once("end", onClose).once("close", onClose);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
