import { SECTOR_BYTES } from "../slab/sizes.ts";
import type { HostPrices } from "./host-prices.ts";

/** Hosts charge transfers in pages: docs/protocol.md#rhp4-costs. */
const PAGE_BYTES = 4096;

/** How long a written sector is kept before its contract must hold it: about three days. */
export const TEMPORARY_SECTOR_BLOCKS = 432;

function wholePages(lengthBytes: number): bigint {
  return BigInt(Math.ceil(lengthBytes / PAGE_BYTES) * PAGE_BYTES);
}

/** Hastings that a ReadSector of `lengthBytes` takes from the account. */
export function readSectorCost(prices: Pick<HostPrices, "egressPrice">, lengthBytes: number): bigint {
  return prices.egressPrice * wholePages(lengthBytes);
}

/** Hastings that a WriteSector of `lengthBytes` takes from the account; storage is always that of a whole sector. */
export function writeSectorCost(
  prices: Pick<HostPrices, "storagePrice" | "ingressPrice">,
  lengthBytes: number,
): bigint {
  const storage = prices.storagePrice * BigInt(SECTOR_BYTES) * BigInt(TEMPORARY_SECTOR_BLOCKS);
  return storage + prices.ingressPrice * wholePages(lengthBytes);
}

/** Hastings that a VerifySector takes: as much as reading the sector, which is why a sector is not checked with it. */
export function verifySectorCost(prices: Pick<HostPrices, "egressPrice">): bigint {
  return prices.egressPrice * BigInt(SECTOR_BYTES);
}

/** Hastings that SectorRoots of `roots` roots moves to the host, from a contract: never called by a repair. */
export function sectorRootsCost(prices: Pick<HostPrices, "egressPrice">, roots: number): bigint {
  return prices.egressPrice * wholePages(roots * 32);
}
