/** How soon a message that never began is tried again. Without it, only after the queue's visibility timeout, which is half an hour. */

const FIRST_SECONDS = 30;
const FACTOR = 3;
const MOST_SECONDS = 480;
/** Messages that failed together, because the database was away, come back over a stretch of time. */
const JITTER = 0.25;

/**
 * Seconds until the message becomes visible again: half a minute at first, then longer and longer. Four waits between five
 * receives outlast a database that is away for a quarter of an hour; after that it becomes a dead letter.
 *
 * @param receiveCount as SQS counts, this time included; what is no count, as from a hand-made event, is the first time
 * @param random 0..1
 */
export function returnDelaySeconds(receiveCount: number, random: number): number {
  const failures = receiveCount > 1 ? receiveCount : 1;
  const seconds = Math.min(FIRST_SECONDS * FACTOR ** (failures - 1), MOST_SECONDS);
  return Math.round(seconds * (1 + JITTER * random));
}
