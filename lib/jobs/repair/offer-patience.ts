/**
 * The longest wait for one or two hosts: after this time a second offer costs less than further waiting, even if the
 * hosts share a slow line.
 */
const LEAST_SHARED_MS = 3_000;
/**
 * If more than two hosts have not answered, the longest wait is this time multiplied by the number of these hosts. The
 * more hosts are slow at once, the more likely they share a slow line, where a second offer of each shard would double
 * the load.
 */
const SHARED_MS_EACH = 1_500;
/** If hosts share a line that serves them one after the other, the last host takes twice as long as the median host. */
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
 * How long to wait for a host that was offered a shard before offering the same shard to another host too. A host
 * counts as slow only compared with the others of the same repair: if all are slow, the cause is most likely on our
 * side (this machine or its line), and more offers would make the writes even slower.
 *
 *   at least half of the hosts have acknowledged   twice the median duration of all writes
 *   fewer hosts have acknowledged                  the usual time, multiplied by the number of hosts that have not
 *                                                  answered, as if these hosts shared one line
 *
 * The result is never less than the usual time. Otherwise it is at most 3 s or, if more than two hosts have not
 * answered, 1.5 s for each of them.
 */
export function offerPatienceMs({ usualMs, tookMs, underWay }: Offers): number {
  const sorted = tookMs.toSorted((a, b) => a - b);
  // The median assumes that every write in progress will take longer than each write that has ended.
  const median = sorted[Math.ceil((sorted.length + underWay) / 2) - 1];
  const sharedMs = median === undefined ? usualMs * underWay : median * SLOWER_THAN_TYPICAL;
  const mostMs = Math.max(LEAST_SHARED_MS, SHARED_MS_EACH * underWay);
  return Math.max(usualMs, Math.min(mostMs, sharedMs));
}
