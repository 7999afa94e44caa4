import type { SQSClient } from "@aws-sdk/client-sqs";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import { QueueError } from "./queue-error.ts";
import { encodeRepairMessage } from "./repair-message.ts";

/** SQS's limit for a batch. */
export const QUEUE_BATCH = 10;

export interface SendResult<Message> {
  readonly sent: readonly Message[];
  /** Messages that SQS rejected, with SQS's error code, or did not confirm. They may be sent again. */
  readonly failed: readonly { readonly message: Message; readonly code: string }[];
}

/** The queue of repairs, as used by claim and reap. */
export interface RepairQueue {
  /**
   * Sends at most {@link QUEUE_BATCH} messages.
   * @param signal aborts the call, which then fails
   * @throws {QueueError} if the request failed; SQS may have accepted some of the messages nevertheless
   */
  send<Message extends LeasedSlab>(
    messages: readonly Message[],
    signal?: AbortSignal,
  ): Promise<SendResult<Message>>;
}

export function createRepairQueue(options: {
  readonly client: SQSClient;
  readonly queueUrl: string;
  /** The name of the indexer whose leases are sent. */
  readonly indexer: string;
}): RepairQueue {
  return {
    async send(messages, signal) {
      if (messages.length === 0) return { sent: [], failed: [] };
      if (messages.length > QUEUE_BATCH) throw new RangeError(`expected at most ${QUEUE_BATCH} messages`);
      // The AWS client is loaded on first use: a worker without a queue needs only this file's types and sizes.
      const { SendMessageBatchCommand } = await import("@aws-sdk/client-sqs");
      const command = new SendMessageBatchCommand({
        QueueUrl: options.queueUrl,
        Entries: messages.map((message, index) => ({
          Id: String(index),
          MessageBody: encodeRepairMessage(message, options.indexer),
        })),
      });
      const ending = signal === undefined ? {} : { abortSignal: signal };
      const answer = await options.client.send(command, ending).catch((cause: unknown) => {
        throw unavailable("send to", cause);
      });
      const failures = new Map((answer.Failed ?? []).map((entry) => [entry.Id, entry.Code ?? "unknown"]));
      // Messages that SQS does not mention were not confirmed, so they count as failed.
      const sentIds = new Set((answer.Successful ?? []).map((entry) => entry.Id));
      const sent: (typeof messages)[number][] = [];
      const failed: { message: (typeof messages)[number]; code: string }[] = [];
      for (const [index, message] of messages.entries()) {
        const id = String(index);
        if (sentIds.has(id)) sent.push(message);
        else failed.push({ message, code: failures.get(id) ?? "not-confirmed" });
      }
      return { sent, failed };
    },
  };
}

export function unavailable(doing: string, cause: unknown): QueueError {
  const name = cause instanceof Error ? cause.name : "unknown";
  return new QueueError({
    code: "queue-unavailable",
    message: `could not ${doing} the queue: ${name}`,
    remedy: "Check the queue's URL, the function's permission and SQS itself; the next run tries again.",
    cause,
  });
}
