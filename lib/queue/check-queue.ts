import { GetQueueAttributesCommand, SendMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { DueBatch } from "../database/verify/due-checks.ts";
import { encodeCheckMessage } from "./check-message.ts";
import { QUEUE_BATCH, unavailable } from "./repair-queue.ts";

/** The queue of due checks, as used by claim. */
export interface CheckQueue {
  /** Approximate number of messages waiting or in progress, according to SQS. */
  countMessages(): Promise<number>;
  /**
   * Sends at most {@link QUEUE_BATCH} messages. A message that SQS rejects is lost; its sectors are due again when
   * their claim expires.
   * @returns how many SQS accepted
   */
  send(batches: readonly DueBatch[]): Promise<number>;
}

export function createCheckQueue(options: {
  readonly client: SQSClient;
  readonly queueUrl: string;
  /** The name of the indexer whose sectors are checked. */
  readonly indexer: string;
}): CheckQueue {
  const { client, queueUrl, indexer } = options;
  return {
    async countMessages() {
      const command = new GetQueueAttributesCommand({
        QueueUrl: queueUrl,
        AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
      });
      const { Attributes = {} } = await client.send(command).catch((cause: unknown) => {
        throw unavailable("inspect", cause);
      });
      const count = (name: keyof typeof Attributes): number => Number(Attributes[name] ?? "0");
      return count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible");
    },
    async send(batches) {
      if (batches.length > QUEUE_BATCH) throw new RangeError(`expected at most ${QUEUE_BATCH} messages`);
      if (batches.length === 0) return 0;
      const command = new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: batches.map((batch, index) => ({
          Id: String(index),
          MessageBody: encodeCheckMessage(batch, indexer),
        })),
      });
      const answer = await client.send(command).catch((cause: unknown) => {
        throw unavailable("send to", cause);
      });
      return (answer.Successful ?? []).length;
    },
  };
}
