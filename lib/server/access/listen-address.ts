import { BlockList, isIP } from "node:net";

/** The address that the server listens on. */
export interface ListenAddress {
  /** An IP address. */
  readonly host: string;
  /** 0: the system chooses a port. */
  readonly port: number;
  /** True: only processes on this machine can reach the address. */
  readonly isLoopback: boolean;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** @param host without brackets */
export function isLoopbackAddress(host: string): boolean {
  const family = isIP(host);
  return family !== 0 && LOOPBACK.check(host, family === 6 ? "ipv6" : "ipv4");
}

/**
 * Parses `HOST:PORT`; HOST is an IP address (IPv6 in brackets) or `localhost`. Other names are refused: whether a
 * password is needed depends on the IP address, and a name could stand for any address. Undefined if malformed.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const host = plain === "localhost" ? "127.0.0.1" : (bracketed ?? plain ?? "");
  const family = isIP(host);
  if (family === 0 || (family === 6) !== (bracketed !== undefined) || !(port <= 65_535)) return undefined;
  return { host, port, isLoopback: isLoopbackAddress(host) };
}

/** As written in a URL. */
export function formatAddress({ host, port }: Pick<ListenAddress, "host" | "port">): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
