import type { SQSClient } from "@aws-sdk/client-sqs";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import { QueueError } from "./queue-error.ts";
import { encodeRepairMessage } from "./repair-message.ts";

/** SQS's own limit of a batch. */
export const QUEUE_BATCH = 10;

export interface SendResult<Message> {
  readonly sent: readonly Message[];
  /** SQS refused these while it took others; they may be sent again. */
  readonly failed: readonly { readonly message: Message; readonly code: string }[];
}

/** The queue of repairs, as claim and reap see it. */
export interface RepairQueue {
  /**
   * Sends at most {@link QUEUE_BATCH} messages.
   * @param signal ends the call, as a failure
   * @throws {QueueError} when SQS took none of them, as far as we know: some may have been sent all the same.
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
      // Loaded where it is used: a worker without a queue has no AWS client, and needs this file's types and sizes only.
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
      // What SQS does not mention was not confirmed, so it counts as failed.
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
