import type { NetworkSnapshot } from "../../database/indexd/network-snapshot.ts";

/**
 * The median read price of usable hosts, in hastings per byte, to which the price of a copy is compared. Stored prices
 * are as old as indexd's last scan, which is good enough for a median.
 */
export function usualReadPrice(network: NetworkSnapshot): bigint {
  const prices = [...network.hosts.values()]
    .filter(({ usable }) => usable)
    .map(({ storedPrices }) => storedPrices.egressPrice)
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return prices[Math.floor(prices.length / 2)] ?? 0n;
}
