/** Whether a request may come from where it says it does. Pure. */
import { isIP } from "node:net";
import { isLoopbackAddress } from "./listen-address.ts";

export interface HostRules {
  /** The server listens on loopback only. */
  readonly isLoopback: boolean;
  /** Further names that it has, in lower case, such as that of a reverse proxy. */
  readonly names: readonly string[];
}

/**
 * Whether the header Host names this server. A page of an attacker's site can let its own name resolve to our address (DNS
 * rebinding); the browser then sends that name. An address cannot be rebound.
 */
export function isOurHost(header: string | undefined, { isLoopback, names }: HostRules): boolean {
  const name = hostNameOf(header);
  if (name === undefined) return false;
  if (name === "localhost" || names.includes(name)) return true;
  return isLoopback ? isLoopbackAddress(name) : isIP(name) !== 0;
}

/**
 * Whether a request that writes may come from the page that sent it: from ours, or from no page at all. Browsers always send
 * Origin with a request that is no GET.
 */
export function isOurOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/** Without port and brackets, in lower case. Undefined: no host. */
function hostNameOf(header: string | undefined): string | undefined {
  const [, bracketed, plain] =
    /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? "") ?? [];
  return (bracketed ?? plain)?.toLowerCase().replace(/\.$/, "");
}
