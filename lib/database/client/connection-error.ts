/**
 * Ways in which a connection ends before or during its use, apart from the socket's own errors. Where postgres.js has a
 * code for one of these ways, the same code is used here.
 */
export type ConnectionErrorCode =
  /** Closed by the server, or by a device in between. */
  | "CONNECTION_CLOSED"
  /** The server did not accept the login in time. */
  | "CONNECT_TIMEOUT"
  /** The server has no TLS, and the URL demands it. */
  | "TLS_REFUSED"
  /** Closed by us. */
  | "CONNECTION_ENDED";

const SAYS: Readonly<Record<ConnectionErrorCode, string>> = {
  CONNECTION_CLOSED: "the connection was closed by the other side",
  CONNECT_TIMEOUT: "no connection was made in time",
  TLS_REFUSED: "the server refuses TLS, which the URL demands",
  CONNECTION_ENDED: "the connection was ended by this process",
};

export function connectionError(
  code: ConnectionErrorCode,
  { host, port }: { readonly host: string; readonly port: number },
): Error & { readonly code: ConnectionErrorCode } {
  return Object.assign(new Error(`${SAYS[code]}: ${host}:${port}`), { code });
}
