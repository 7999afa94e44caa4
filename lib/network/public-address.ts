import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * Addresses that the registries call public but that a cloud's own services answer on: Azure's wire server. The other
 * clouds' metadata services live in link-local, shared and unique-local ranges, which are refused anyway.
 */
const CLOUD_SERVICES: readonly string[] = ["168.63.129.16"];

/** 2000::/3 is all of IPv6 that has been given out for unicast (RFC 4291, IANA's registry). */
const GLOBAL_UNICAST_V6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3];

/** The library takes `::1.2.3.4` for the mapped `::ffff:1.2.3.4`, which is another address. */
const MISREAD_V6 = /^(?!::ffff:[\d.]+$).*:.*\./i;

/**
 * Whether an IP address belongs to the public internet. Hosts choose what they announce, and a name's owner what it
 * resolves to: an instance's metadata service, the loopback interface and private networks are addresses too.
 * An IPv6 address that carries an IPv4 one is as public as what it carries; anything unclear is not public.
 */
export function isPublicAddress(text: string): boolean {
  // Only what the system itself takes for an address: the library also reads notations of the past, and zones.
  if (isIP(text) === 0 || text.includes("%") || MISREAD_V6.test(text)) return false;
  const address = ipaddr.parse(text);
  if (address.kind() === "ipv4") return isPublicV4(address as ipaddr.IPv4);
  const v6 = address as ipaddr.IPv6;
  if (v6.isIPv4MappedAddress()) return isPublicV4(v6.toIPv4Address());
  if (isWellKnownNat64(v6)) return isPublicV4(new ipaddr.IPv4(v6.toByteArray().slice(12)));
  return v6.match(...GLOBAL_UNICAST_V6) && v6.range() === "unicast";
}

function isPublicV4(address: ipaddr.IPv4): boolean {
  return address.range() === "unicast" && !CLOUD_SERVICES.includes(address.toString());
}

/** 64:ff9b::/96 (RFC 6052), how a network without IPv4 reaches IPv4 hosts; the local-use 64:ff9b:1::/48 is not it. */
function isWellKnownNat64(address: ipaddr.IPv6): boolean {
  return address.match(ipaddr.IPv6.parse("64:ff9b::"), 96);
}
