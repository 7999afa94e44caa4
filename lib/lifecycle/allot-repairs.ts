/** How many slabs each indexer may repair in parallel on this machine. Pure. */

export interface Demand {
  readonly name: string;
  /** Its weight among all indexers: SLABMEND_SHARE. */
  readonly share: number;
  /** Repairs in progress. */
  readonly running: number;
  /** Number of slabs that can be leased now, counted only up to a limit. */
  readonly ready: number;
  /** Urgency of the most urgent ready slab: 0..1. */
  readonly urgency: number;
}

/**
 * Each indexer has its share of `total`, at least 1. Unused parts of a share are lent to indexers that need more, the
 * most urgent first. A lent part comes back only when a repair of the borrower ends, because no repair is interrupted.
 * Until then the least urgent indexers may begin fewer repairs, so that at most `total` repairs run, or one per indexer
 * if there are more indexers than `total`.
 */
export function allotRepairs(total: number, demands: readonly Demand[]): ReadonlyMap<string, number> {
  const shares = ownShares(total, demands);
  const allotted = new Map<string, number>();
  let spare = total;
  for (const { name, running, ready } of demands) {
    const needed = Math.min(Math.max(1, shares.get(name)!), running + ready);
    // An idle indexer may begin one repair immediately, and until then takes nothing from the others.
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

/** Each indexer's share as a whole number, by the largest-remainder method. */
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

/**
 * While borrowers still run more repairs than their share, the least urgent indexers may begin fewer repairs than their
 * own share.
 */
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
