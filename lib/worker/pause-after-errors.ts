const FIRST_MS = 5_000;
const LONGEST_MS = 60_000;
/** So that all pollers of a worker together ask a queue that refuses no more than twice a second. */
const MS_FOR_EACH_POLLER = 500;

/**
 * How long one poller leaves the queue alone after failures in a row, its own receives or repairs that could not begin.
 *
 * @param failures 1 or more
 * @param random 0..1; pollers that failed together come back apart
 */
export function pauseAfterErrorsMs(failures: number, pollers: number, random: number): number {
  const firstMs = Math.max(FIRST_MS, pollers * MS_FOR_EACH_POLLER);
  const longestMs = Math.max(LONGEST_MS, firstMs);
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 10), longestMs) * (1 + random / 2);
}
