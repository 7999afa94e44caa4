import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * Addresses that are public according to the registries, but on which a cloud's own services answer: Azure's wire
 * server. The metadata services of other clouds are in link-local, shared and unique-local ranges, which are refused
 * anyway.
 */
const CLOUD_SERVICES: readonly string[] = ["168.63.129.16"];

/** 2000::/3 is the whole IPv6 space allocated for unicast (RFC 4291, IANA's registry). */
const GLOBAL_UNICAST_V6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3];

/** Addresses like `::1.2.3.4`: ipaddr.js confuses them with mapped addresses like `::ffff:1.2.3.4`. */
const MISREAD_V6 = /^(?!::ffff:[\d.]+$).*:.*\./i;

/**
 * Whether an IP address belongs to the public internet. Hosts choose the names that they announce, and a name's owner
 * chooses its addresses: a name can lead to a metadata service, to the loopback interface or to a private network. An
 * IPv6 address that embeds an IPv4 address is public if the embedded address is. If it is unclear whether an address is
 * public, it counts as not public.
 */
export function isPublicAddress(text: string): boolean {
  // Refuses zones, and every notation that Node does not accept: ipaddr.js would accept historical ones like `0x7f.1`.
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

/** 64:ff9b::/96 (RFC 6052), through which networks without IPv4 reach IPv4 hosts; not the local-use 64:ff9b:1::/48. */
function isWellKnownNat64(address: ipaddr.IPv6): boolean {
  return address.match(ipaddr.IPv6.parse("64:ff9b::"), 96);
}
