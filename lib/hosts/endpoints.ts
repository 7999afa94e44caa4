import { isIPv6 } from "node:net";
import { type HostAddress, parseHostAddress } from "../network/host-address.ts";
import { isPublicAddress } from "../network/public-address.ts";
import type { ResolveName } from "../network/resolve-name.ts";
import type { HostTarget } from "./host-dialer.ts";
import { HostError } from "./host-error.ts";

/** An IP address and port that may be dialled. The checked address is dialled, and its name is never resolved again. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** An honest host announces few addresses, and its name resolves to few: trying more addresses would waste our time. */
const MAX_ADDRESSES = 8;
const MAX_ENDPOINTS = 8;

/**
 * The endpoints of a host, in the order of its announcement, with alternating address families (RFC 8305, section 4),
 * so that a family that this machine cannot reach does not use up every attempt.
 */
export async function findEndpoints(
  host: HostTarget,
  options: { readonly resolveName: ResolveName; readonly allowPrivateAddresses: boolean },
  signal: AbortSignal,
): Promise<Endpoint[]> {
  const announced = host.addresses.slice(0, MAX_ADDRESSES);
  const parsed = announced.map(parseHostAddress).filter((address) => address !== undefined);
  if (parsed.length === 0) {
    const shown = JSON.stringify(announced.map((address) => address.slice(0, 80)));
    throw new HostError(host.hostKey, "address-refused", `no address of the form host:port among ${shown}`);
  }
  const failures: unknown[] = [];
  const resolved = await Promise.all(
    parsed.map((address) =>
      resolve(address, options.resolveName, signal).catch((cause: unknown) => {
        failures.push(cause);
        return [];
      }),
    ),
  );
  signal.throwIfAborted();
  const found = distinct(resolved.flat());
  if (found.length === 0) {
    throw new HostError(host.hostKey, "unreachable", "no announced name resolves", failures[0]);
  }
  const allowed = found.filter(({ ip }) => options.allowPrivateAddresses || isPublicAddress(ip));
  if (allowed.length === 0) {
    const shown = found.slice(0, MAX_ENDPOINTS).map(({ ip }) => ip);
    throw new HostError(host.hostKey, "address-refused", `not a public address: ${shown.join(", ")}`);
  }
  return alternateFamilies(allowed).slice(0, MAX_ENDPOINTS);
}

async function resolve(
  address: HostAddress,
  resolveName: ResolveName,
  signal: AbortSignal,
): Promise<Endpoint[]> {
  const { host, port, isIp } = address;
  const ips = isIp ? [host] : await resolveName(host, signal);
  return ips.slice(0, MAX_ENDPOINTS).map((ip) => ({ ip, port }));
}

function distinct(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...new Map(endpoints.map((endpoint) => [`${endpoint.ip} ${endpoint.port}`, endpoint])).values()];
}

function alternateFamilies(endpoints: readonly Endpoint[]): Endpoint[] {
  const first = endpoints.filter(({ ip }) => isIPv6(ip) === isIPv6(endpoints[0]!.ip));
  const second = endpoints.filter((endpoint) => !first.includes(endpoint));
  return first
    .flatMap((endpoint, i) => [endpoint, ...second.slice(i, i + 1)])
    .concat(second.slice(first.length));
}
