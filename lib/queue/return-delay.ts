/**
 * How soon a message whose repair never began is delivered again. Without this delay, SQS would deliver the message
 * again only after the queue's visibility timeout, half an hour.
 */

const FIRST_SECONDS = 30;
const FACTOR = 3;
const MOST_SECONDS = 480;
/** Spreads the return of messages that failed together because the database was unavailable. */
const JITTER = 0.25;

/**
 * Seconds until the message becomes visible again: half a minute at first, then increasing. After five receives the
 * message becomes a dead letter. The four waits between the five receives outlast a database outage of about a quarter
 * of an hour.
 *
 * @param receiveCount as counted by SQS, including this receive; an invalid count, as in a hand-made event, counts as 1
 * @param random 0..1
 */
export function returnDelaySeconds(receiveCount: number, random: number): number {
  const failures = receiveCount > 1 ? receiveCount : 1;
  const seconds = Math.min(FIRST_SECONDS * FACTOR ** (failures - 1), MOST_SECONDS);
  return Math.round(seconds * (1 + JITTER * random));
}
