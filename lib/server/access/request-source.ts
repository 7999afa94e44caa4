/** Checks a request's Host and Origin. Pure. */
import { isIP } from "node:net";
import { isLoopbackAddress } from "./listen-address.ts";

export interface HostRules {
  /** The server listens on loopback only. */
  readonly isLoopback: boolean;
  /** Other names of the server in lower case, such as a reverse proxy's. */
  readonly names: readonly string[];
}

/**
 * Whether the header Host names this server. An attacker's site can make its own name resolve to our address (DNS
 * rebinding); the browser then sends the site's name as Host. Host may also be an IP address, because DNS cannot
 * rebind an address.
 */
export function isOurHost(header: string | undefined, { isLoopback, names }: HostRules): boolean {
  const name = hostNameOf(header);
  if (name === undefined) return false;
  if (name === "localhost" || names.includes(name)) return true;
  return isLoopback ? isLoopbackAddress(name) : isIP(name) !== 0;
}

/**
 * Whether a write comes from our own page, or from no web page at all. Browsers send Origin with every request other
 * than GET, so a write without Origin comes from another program.
 */
export function isOurOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/** The host in a header Host: without port and brackets, in lower case. Undefined if the header contains no host. */
function hostNameOf(header: string | undefined): string | undefined {
  const [, bracketed, plain] =
    /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? "") ?? [];
  return (bracketed ?? plain)?.toLowerCase().replace(/\.$/, "");
}
