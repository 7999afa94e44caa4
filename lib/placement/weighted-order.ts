/** An item with less weight than this, or with none, still appears: last, after all other items. */
const LEAST_WEIGHT = 1e-9;
const GREATEST_WEIGHT = 1e9;

/**
 * A random order in which an item with twice the weight is twice as likely to come first, and so on for the rest (Efraimidis
 * and Spirakis: sort by an exponential variate divided by the weight). So workers with equal weights choose different orders.
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
