/** For one host, or two: after this a second offer costs less than the wait, whatever makes the first one slow. */
const LEAST_SHARED_MS = 3_000;
/** More hosts that are slow at once are more likely to share a slow line, on which a second offer of each would double the load. */
const SHARED_MS_EACH = 1_500;
/** On something shared that serves one after the other, the last takes twice as long as the median. */
const SLOWER_THAN_TYPICAL = 2;

/** The offers of one repair. */
export interface Offers {
  /** How long a write may take before it is slow, by what writes took before. */
  readonly usualMs: number;
  /** How long each took that a host acknowledged. */
  readonly tookMs: readonly number[];
  /** How many hosts have been offered a shard and have not answered, at least one. */
  readonly underWay: number;
}

/**
 * How long a host that was offered a shard is waited for before another is offered it too. A host counts as slow beside the
 * others of the same repair: when all are, the cause is most likely ours (this machine, its line), and more offers make it worse.
 *
 *   at least half have acknowledged   twice the median of all
 *   fewer                             as if those under way shared one line: so many times as long as usual
 *
 * Never less than usual. More than usual only up to 1.5 s for each host under way, or 3 s.
 */
export function offerPatienceMs({ usualMs, tookMs, underWay }: Offers): number {
  const sorted = tookMs.toSorted((a, b) => a - b);
  // Those under way will take longer than those that ended.
  const median = sorted[Math.ceil((sorted.length + underWay) / 2) - 1];
  const sharedMs = median === undefined ? usualMs * underWay : median * SLOWER_THAN_TYPICAL;
  const mostMs = Math.max(LEAST_SHARED_MS, SHARED_MS_EACH * underWay);
  return Math.max(usualMs, Math.min(mostMs, sharedMs));
}
