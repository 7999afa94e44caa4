import type { Clock } from "../../clock/clock.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import { markSent, takeUnsent } from "../../database/leases/unsent-leases.ts";
import { QUEUE_BATCH, type RepairQueue, type SendResult } from "../../queue/repair-queue.ts";
import type { LeasedSlab } from "../../slab/leased-slab.ts";

/** Points at which kill tests end the process. */
export type SendStep = "sent-message" | "marked-sent";

export interface SendReport {
  readonly sent: number;
  /** Leases whose messages SQS rejected: they are still unsent in the database, so that a later run sends them. */
  readonly refused: number;
}

interface SendDependencies {
  readonly ask: Ask;
  readonly queue: RepairQueue;
  readonly clock: Clock;
  readonly step?: (name: SendStep) => void | Promise<void>;
}

/**
 * Sends at most `limit` leases that are not confirmed as sent, and that no caller began to send within the last
 * `afterMs`.
 * @returns also the number of leases found: if it equals `limit`, there may be more
 * @throws as {@link sendLeases} does
 */
export async function resendUnsent(
  deps: SendDependencies,
  options: { readonly afterMs: number; readonly limit: number },
  endsAtMs: number,
): Promise<SendReport & { readonly found: number }> {
  const unsent = await deps.ask((sql) => takeUnsent(sql, options));
  return { ...(await sendLeases(deps, unsent, endsAtMs)), found: unsent.length };
}

/**
 * In batches of SQS's size, sends one message for each lease and then marks the leases as sent. If the process crashes
 * after sending a message and before marking the lease, a second message is sent later, which is harmless.
 * @param endsAtMs when to stop waiting for a slow SQS, by the clock; the remaining leases then stay unsent in the
 * database, for a later run
 * @throws {QueueError} or {StoreError}; leases not sent are still marked as unsent
 */
export async function sendLeases(
  deps: SendDependencies,
  leases: readonly LeasedSlab[],
  endsAtMs: number,
): Promise<SendReport> {
  let sent = 0;
  let refused = 0;
  for (let first = 0; first < leases.length; first += QUEUE_BATCH) {
    const result = await sendInTime(deps, leases.slice(first, first + QUEUE_BATCH), endsAtMs);
    if (result === "too-late") break;
    await deps.step?.("sent-message");
    await deps.ask((sql) => markSent(sql, result.sent));
    await deps.step?.("marked-sent");
    sent += result.sent.length;
    refused += result.failed.length;
  }
  return { sent, refused };
}

/** `too-late`: SQS did not answer in time, but may have the messages. */
async function sendInTime(
  { queue, clock }: SendDependencies,
  batch: readonly LeasedSlab[],
  endsAtMs: number,
): Promise<SendResult<LeasedSlab> | "too-late"> {
  const leftMs = endsAtMs - clock.now();
  if (leftMs <= 0) return "too-late";
  const late = new AbortController();
  const cancel = clock.after(leftMs, () => late.abort());
  try {
    return await queue.send(batch, late.signal);
  } catch (error) {
    if (late.signal.aborted) return "too-late";
    throw error;
  } finally {
    cancel();
  }
}
