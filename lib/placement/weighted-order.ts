/**
 * An item with a smaller weight, or with NaN, gets this weight: it still appears, but practically always at the end.
 */
const LEAST_WEIGHT = 1e-9;
const GREATEST_WEIGHT = 1e9;

/**
 * A random order: each item comes first with a probability proportional to its weight, and the remaining items follow
 * by the same rule (Efraimidis and Spirakis: sort by an exponential variate divided by the weight). So workers that use
 * the same weights still get different orders.
 *
 * @param random uniform in [0, 1)
 */
export function weightedOrder<Item>(
  items: Iterable<Item>,
  weight: (item: Item) => number,
  random: () => number,
): Item[] {
  return Array.from(items, (item) => ({ item, key: -Math.log(1 - random()) / bounded(weight(item)) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

function bounded(weight: number): number {
  return Number.isNaN(weight) ? LEAST_WEIGHT : Math.min(Math.max(weight, LEAST_WEIGHT), GREATEST_WEIGHT);
}
