import { isIP } from "node:net";

/** A host's announced address: a name or an IP address, and a port. */
export interface HostAddress {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly isIp: boolean;
}

/** A DNS name has at most 253 characters, plus brackets, colon and port. */
const MAX_ADDRESS_CHARS = 253 + 8;
const BRACKETED = /^\[([0-9a-fA-F:.]+)\]:(\d{1,5})$/;
const PLAIN = /^([^[\]:\s/@%]+):(\d{1,5})$/;
const NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?$/;

/** Parses `host:port` and `[v6]:port`; undefined for anything else, because hosts may announce any text. */
export function parseHostAddress(text: string): HostAddress | undefined {
  if (text.length > MAX_ADDRESS_CHARS) return undefined;
  const bracketed = BRACKETED.exec(text);
  const match = bracketed ?? PLAIN.exec(text);
  if (!match) return undefined;
  const [host, port] = [match[1]!, Number(match[2])];
  if (port < 1 || port > 65_535) return undefined;
  if (bracketed) return isIP(host) === 6 ? { host, port, isIp: true } : undefined;
  if (isIP(host) === 4) return { host, port, isIp: true };
  // Texts like `127.1` and `0x7f000001` are neither IPv4 addresses nor real names, but some resolvers take them for
  // addresses.
  if (/^[\d.]+$/.test(host) || /^0x/i.test(host)) return undefined;
  return NAME.test(host) ? { host, port, isIp: false } : undefined;
}
