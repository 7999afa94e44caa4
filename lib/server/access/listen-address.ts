import { BlockList, isIP } from "node:net";

/** Where the server listens. */
export interface ListenAddress {
  /** An IP address. */
  readonly host: string;
  /** 0: the system chooses one. */
  readonly port: number;
  /** Only processes of this machine can reach it. */
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
 * Parses `HOST:PORT`; HOST is an IP address, IPv6 in brackets, or `localhost`. A name is refused: what it resolves to decides
 * whether a password is needed. Undefined: malformed.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const host = plain === "localhost" ? "127.0.0.1" : (bracketed ?? plain ?? "");
  const family = isIP(host);
  if (family === 0 || (family === 6) !== (bracketed !== undefined) || !(port <= 65_535)) return undefined;
  return { host, port, isLoopback: isLoopbackAddress(host) };
}

/** As in a URL. */
export function formatAddress({ host, port }: Pick<ListenAddress, "host" | "port">): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
