/**
 * Groups hosts that are likely to fail together: hosts in one subnet (IPv4 /24, IPv6 /48), and hosts that announce
 * names of one domain. If hosts A and B are likely to fail together, and also B and C, then A, B and C form one group.
 * Addresses that are not public (unspecified, loopback, private) do not show where a host is, so such an address puts
 * its host into no group. Pure: names are not resolved, so hosts on one machine that announce names of different
 * domains are not detected.
 */
import { isIP } from "node:net";
import { isPublicAddress } from "../network/public-address.ts";
import type { HostId } from "../slab/ids.ts";

/**
 * Domains under which anyone can have a name: two hosts under such a domain belong to one operator only if the label
 * before the domain is the same too, like `operator` in `operator.ddns.net`.
 */
const SHARED_DOMAINS: ReadonlySet<string> = new Set([
  "ddns.net",
  "ddns.us",
  "duckdns.org",
  "dyndns.org",
  "dynu.net",
  "dynv6.net",
  "freeddns.org",
  "freemyip.com",
  "hopto.org",
  "mooo.com",
  "myddns.me",
  "myftp.org",
  "nip.io",
  "no-ip.org",
  "servebeer.com",
  "sia.host",
  "sytes.net",
  "zapto.org",
]);

/** A longer text is not a name (RFC 1035). */
const MAX_NAME_LENGTH = 253;

/** Group id of each host that shares a group; ungrouped hosts are absent. Ids have no meaning between calls. */
export function correlatedHosts(
  hosts: Iterable<{ readonly id: HostId; readonly addresses: readonly string[] }>,
): Map<HostId, number> {
  const parents = new Map<HostId, HostId>();
  const find = (host: HostId): HostId => {
    let root = host;
    for (let parent = parents.get(root); parent !== undefined && parent !== root; parent = parents.get(root))
      root = parent;
    parents.set(host, root);
    return root;
  };
  const firstWith = new Map<string, HostId>();
  for (const { id, addresses } of hosts) {
    find(id);
    for (const address of addresses) {
      const neighbourhood = neighbourhoodOf(address);
      if (neighbourhood === undefined) continue;
      const other = firstWith.get(neighbourhood);
      if (other === undefined) firstWith.set(neighbourhood, id);
      else parents.set(find(id), find(other));
    }
  }
  const groups = Map.groupBy(parents.keys(), find);
  return new Map(
    [...groups].flatMap(([root, members]) =>
      members.length < 2 ? [] : members.map((member): [HostId, number] => [member, root]),
    ),
  );
}

/**
 * A key made from `host:port`: equal for addresses that are likely to fail together; undefined for a text that is no
 * address, and for an address that is not public.
 */
export function neighbourhoodOf(address: string): string | undefined {
  const colon = address.lastIndexOf(":");
  const host = (colon < 0 ? address : address.slice(0, colon)).replace(/^\[|\]$/g, "").toLowerCase();
  const version = isIP(host);
  if (version !== 0 && !isPublicAddress(host.split("%")[0]!)) return undefined;
  if (version === 4) return `subnet ${host.split(".").slice(0, 3).join(".")}`;
  if (version === 6) return subnetOfIPv6(host);
  return domainOf(host);
}

function subnetOfIPv6(text: string): string {
  // The URL parser normalizes every IPv6 address, and writes an embedded IPv4 address as two groups of hex digits.
  const canonical = new URL(`http://[${text.split("%")[0]}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups =
    tail === undefined
      ? left
      : [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  if (groups.slice(0, 5).every((group) => group === "0") && groups[5] === "ffff") {
    const high = Number.parseInt(groups[6]!, 16);
    return `subnet ${high >> 8}.${high & 255}.${Number.parseInt(groups[7]!, 16) >> 8}`;
  }
  return `subnet ${groups.slice(0, 3).join(":")}`;
}

/** Guesses which part of a name its owner registered as a domain: the list of public suffixes is not used. */
function domainOf(name: string): string | undefined {
  const labels = name.replace(/\.$/, "").split(".");
  if (name.length > MAX_NAME_LENGTH || labels.length < 2 || labels.some((label) => label === ""))
    return undefined;
  const [second = "", top = ""] = labels.slice(-2);
  // In names like example.co.uk and example.com.au, the registered domain has three labels.
  const length = top.length === 2 && second.length <= 3 && labels.length > 2 ? 3 : 2;
  const domain = labels.slice(-length).join(".");
  if (!SHARED_DOMAINS.has(domain)) return `domain ${domain}`;
  return `domain ${labels.slice(-length - 1).join(".")}`;
}
