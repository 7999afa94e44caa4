const FIRST_MS = 5_000;
const LONGEST_MS = 60_000;
/** All pollers of a worker together send at most two requests a second to a queue that refuses requests. */
const MS_FOR_EACH_POLLER = 500;

/**
 * How long one poller pauses after consecutive failures of its own: failed receives, or repairs that could not begin.
 *
 * @param failures 1 or more
 * @param random 0..1; spreads the next receives of pollers that failed together
 */
export function pauseAfterErrorsMs(failures: number, pollers: number, random: number): number {
  const firstMs = Math.max(FIRST_MS, pollers * MS_FOR_EACH_POLLER);
  const longestMs = Math.max(LONGEST_MS, firstMs);
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 10), longestMs) * (1 + random / 2);
}
