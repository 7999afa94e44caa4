import type { ISql } from "postgres";
import { keyText } from "./wire-text.ts";

interface HostRow {
  readonly public_key: Buffer;
  readonly country_code: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly good_for_upload: boolean;
  readonly addresses: readonly string[];
}

/** The hosts that an app may use: good ones with a healthy contract. The SDK reads from no other host. */
export async function listHosts(
  sql: ISql,
  page: { readonly offset: number; readonly limit: number },
): Promise<unknown> {
  const rows = await sql<HostRow[]>`
    select h.public_key, h.country_code, h.location[0] as latitude, h.location[1] as longitude,
      h.settings_remaining_storage > 0 as good_for_upload,
      to_jsonb(array(select net_address from host_addresses a where a.host_id = h.id and a.protocol = 1)) as addresses
    from hosts h join slabmend.host_states() s on s.host_id = h.id and s.good and s.has_healthy_contract
    order by h.id limit ${page.limit} offset ${page.offset}`;
  return rows.map((host) => ({
    publicKey: keyText(host.public_key),
    countryCode: host.country_code,
    latitude: host.latitude,
    longitude: host.longitude,
    goodForUpload: host.good_for_upload,
    addresses: host.addresses.map((address) => ({ protocol: "siamux", address })),
  }));
}
