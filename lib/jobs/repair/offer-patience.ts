/**
 * The most that a shared cause, such as a line or a machine, may explain; more waiting would not help even if most hosts are
 * slow.
 */
const MOST_SHARED_MS = 3_000;
/** If hosts share something that serves one after the other, the last takes twice as long as the median. */
const SLOWER_THAN_TYPICAL = 2;

/** The offers of one repair. */
export interface Offers {
  /** How long a write may take before it counts as slow, based on earlier writes. */
  readonly usualMs: number;
  /** The durations of acknowledged writes. */
  readonly tookMs: readonly number[];
  /** Number of hosts that were offered a shard and have not answered, at least one. */
  readonly underWay: number;
}

/**
 * How long to wait for a host that was offered a shard before offering it to another host too. A host is slow in comparison with
 * the others of the same repair: if all are slow, the cause is most likely ours (this machine, its line), and more offers make it
 * worse.
 *
 *   at least half have acknowledged   twice the median of all
 *   fewer                             as if those in progress shared one line: the usual time multiplied by their number
 *
 * Never less than the usual time, and more than that only up to 3 s.
 */
export function offerPatienceMs({ usualMs, tookMs, underWay }: Offers): number {
  const sorted = tookMs.toSorted((a, b) => a - b);
  // Writes in progress will take longer than those that ended.
  const median = sorted[Math.ceil((sorted.length + underWay) / 2) - 1];
  const sharedMs = median === undefined ? usualMs * underWay : median * SLOWER_THAN_TYPICAL;
  return Math.max(usualMs, Math.min(MOST_SHARED_MS, sharedMs));
}
