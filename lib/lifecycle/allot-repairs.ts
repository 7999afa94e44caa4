/** Which indexer may repair how many slabs at once on this machine. Pure. */

export interface Demand {
  readonly name: string;
  /** Its weight among all: SLABMEND_SHARE. */
  readonly share: number;
  /** Repairs under way. */
  readonly running: number;
  /** Slabs that could be leased now, as far as they were counted. */
  readonly ready: number;
  /** Of the most urgent of them: 0..1. */
  readonly urgency: number;
}

/**
 * Each indexer has its share of `total`, at least 1. What one does not need is lent to those that need more, the most urgent first. It
 * comes back as repairs end: none is interrupted, and until then the sum of those under way and those allowed stays within
 * `total`, or one for each indexer.
 */
export function allotRepairs(total: number, demands: readonly Demand[]): ReadonlyMap<string, number> {
  const shares = ownShares(total, demands);
  const allotted = new Map<string, number>();
  let spare = total;
  for (const { name, running, ready } of demands) {
    const needed = Math.min(Math.max(1, shares.get(name)!), running + ready);
    // One that is idle may begin at once, and keeps nothing from the others until then.
    allotted.set(name, Math.max(1, needed));
    spare -= needed;
  }
  const byUrgency = demands.toSorted((a, b) => b.urgency - a.urgency || (a.name < b.name ? -1 : 1));
  for (const { name, running, ready } of byUrgency) {
    if (spare <= 0) break;
    const own = allotted.get(name)!;
    const more = Math.min(spare, Math.max(0, running + ready - own));
    allotted.set(name, own + more);
    spare -= more;
  }
  return withholdWhatIsLent(total, demands, byUrgency, allotted);
}

/** Whole numbers by the largest remainder. */
function ownShares(total: number, demands: readonly Demand[]): ReadonlyMap<string, number> {
  const weights = demands.reduce((sum, { share }) => sum + share, 0);
  const exact = demands.map(({ name, share }) => ({ name, exact: (total * share) / weights }));
  const shares = new Map(exact.map((one) => [one.name, Math.floor(one.exact)]));
  let left = total - [...shares.values()].reduce((sum, share) => sum + share, 0);
  const rest = (value: number): number => value - Math.floor(value);
  for (const { name } of exact.toSorted((a, b) => rest(b.exact) - rest(a.exact))) {
    if (left <= 0) break;
    shares.set(name, shares.get(name)! + 1);
    left -= 1;
  }
  return shares;
}

/** A borrower's repairs that are still under way keep the least urgent from beginning as many. */
function withholdWhatIsLent(
  total: number,
  demands: readonly Demand[],
  byUrgency: readonly Demand[],
  allotted: Map<string, number>,
): ReadonlyMap<string, number> {
  const used = ({ name, running, ready }: Demand): number =>
    running + ready === 0 ? 0 : Math.max(running, allotted.get(name)!);
  let over = demands.reduce((sum, demand) => sum + used(demand), 0) - total;
  for (const demand of byUrgency.toReversed()) {
    if (over <= 0) break;
    const mine = allotted.get(demand.name)!;
    const less = Math.min(over, Math.max(0, mine - Math.max(1, demand.running)));
    allotted.set(demand.name, mine - less);
    over -= less;
  }
  return allotted;
}
