import type { CheckQueue } from "../../queue/check-queue.ts";
import { QUEUE_BATCH } from "../../queue/repair-queue.ts";
import { claimDueBatches, type DueClaims, type DueStep } from "./due-checks.ts";

/**
 * 200 messages of 100 sectors: as many sectors as two parallel invocations check in a minute. If no function processes
 * the messages, no more than these sectors are kept from indexd's own checks for half an hour.
 */
const MOST_MESSAGES = 200;

export interface SentChecks {
  readonly messages: number;
  readonly sectors: number;
}

/**
 * Claims due checks and sends a message per batch, until the queue has enough messages, no check is due or the time is
 * up.
 */
export async function sendDueChecks(
  deps: DueClaims & { readonly queue: CheckQueue; readonly step?: (name: DueStep) => void | Promise<void> },
  limitMs: number,
): Promise<SentChecks> {
  const { queue, clock, step } = deps;
  const endsAtMs = clock.now() + limitMs;
  const timeIsUp = (): boolean => clock.now() >= endsAtMs;
  let room = MOST_MESSAGES - (await queue.countMessages());
  let messages = 0;
  let sectors = 0;
  while (room > 0 && !timeIsUp()) {
    const batches = await claimDueBatches(deps, Math.min(QUEUE_BATCH, room), timeIsUp);
    if (batches.length === 0) break;
    await step?.("due-claimed");
    messages += await queue.send(batches);
    sectors += batches.reduce((sum, { sectorIds }) => sum + sectorIds.length, 0);
    room -= batches.length;
  }
  return { messages, sectors };
}
