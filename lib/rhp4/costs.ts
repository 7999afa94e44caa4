import { SECTOR_BYTES } from "../slab/sizes.ts";
import type { HostPrices } from "./host-prices.ts";

/** Hosts charge for transfers in pages: docs/protocol.md#rhp4-costs. */
const PAGE_BYTES = 4096;

/** The number of blocks, about three days, for which a host keeps a written sector that is in no contract. */
export const TEMPORARY_SECTOR_BLOCKS = 432;

function wholePages(lengthBytes: number): bigint {
  return BigInt(Math.ceil(lengthBytes / PAGE_BYTES) * PAGE_BYTES);
}

/** The cost of a ReadSector of `lengthBytes`, in hastings. */
export function readSectorCost(prices: Pick<HostPrices, "egressPrice">, lengthBytes: number): bigint {
  return prices.egressPrice * wholePages(lengthBytes);
}

/** The cost of a WriteSector of `lengthBytes`, in hastings; storage is always charged for a whole sector. */
export function writeSectorCost(
  prices: Pick<HostPrices, "storagePrice" | "ingressPrice">,
  lengthBytes: number,
): bigint {
  const storage = prices.storagePrice * BigInt(SECTOR_BYTES) * BigInt(TEMPORARY_SECTOR_BLOCKS);
  return storage + prices.ingressPrice * wholePages(lengthBytes);
}

/**
 * The cost of a VerifySector, in hastings. It equals the cost of reading the whole sector, so slabmend does not check
 * sectors by this RPC.
 */
export function verifySectorCost(prices: Pick<HostPrices, "egressPrice">): bigint {
  return prices.egressPrice * BigInt(SECTOR_BYTES);
}

/** The cost of SectorRoots for `roots` roots, in hastings, paid from a contract. Repairs never call it. */
export function sectorRootsCost(prices: Pick<HostPrices, "egressPrice">, roots: number): bigint {
  return prices.egressPrice * wholePages(roots * 32);
}
