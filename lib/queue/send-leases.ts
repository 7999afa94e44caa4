import type { Ask } from "../store/answering-database.ts";
import { markSent } from "../store/unsent-leases.ts";
import type { RepairMessage } from "./repair-message.ts";
import { QUEUE_BATCH, type RepairQueue } from "./repair-queue.ts";

/** After each of these a crash leaves a trace. */
export type SendStep = "sent-message" | "marked-sent";

export interface SendReport {
  readonly sent: number;
  /** Refused by SQS; still unsent in the database, so that a later run sends them. */
  readonly refused: number;
}

/**
 * Sends one message for each lease and then marks it sent, in SQS's batches. A crash in between sends a second copy
 * later, which is harmless.
 * @throws {QueueError} or {StoreError} with whatever was not sent still marked unsent
 */
export async function sendLeases(
  deps: {
    readonly ask: Ask;
    readonly queue: RepairQueue;
    readonly step?: (name: SendStep) => void | Promise<void>;
  },
  leases: readonly RepairMessage[],
): Promise<SendReport> {
  let sent = 0;
  let refused = 0;
  for (let first = 0; first < leases.length; first += QUEUE_BATCH) {
    const result = await deps.queue.send(leases.slice(first, first + QUEUE_BATCH));
    await deps.step?.("sent-message");
    await deps.ask((sql) => markSent(sql, result.sent));
    await deps.step?.("marked-sent");
    sent += result.sent.length;
    refused += result.failed.length;
  }
  return { sent, refused };
}
