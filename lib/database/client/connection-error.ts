/** What can end a connection before or while it is used, beside the socket's own errors. Codes of the driver where it has one. */
export type ConnectionErrorCode =
  /** The server, or something in between, has closed it. */
  | "CONNECTION_CLOSED"
  /** The server did not let us in within the time for it. */
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
