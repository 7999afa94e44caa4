import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { QUEUE_BATCH, unavailable } from "./repair-queue.ts";

/** A message that was received five times without success. */
export interface DeadLetter {
  readonly messageId: string;
  readonly body: string;
  /** How often the message was received, as counted by SQS. */
  readonly receiveCount: number;
  readonly sentAtMs: number | undefined;
  /** Allows deleting the message; each later receive gives a new handle. */
  readonly receiptHandle: string;
}

export interface DeadLetterQueue {
  /**
   * Returns at most {@link QUEUE_BATCH} messages. They stay in the queue and become visible again after a minute.
   */
  receive(): Promise<readonly DeadLetter[]>;
  /**
   * Deletes messages that the database has stored. A message that SQS does not delete is received and stored again.
   */
  delete(letters: readonly DeadLetter[]): Promise<void>;
}

/**
 * How long received messages are invisible: longer than storing a batch takes, but short enough that the next run of
 * reap receives the messages that this run did not delete.
 */
const VISIBILITY_SECONDS = 60;
/**
 * With a wait, SQS queries all of its servers; without a wait, a receive may return nothing although there are
 * messages.
 */
const WAIT_SECONDS = 1;

export function createDeadLetterQueue(options: {
  readonly client: SQSClient;
  readonly queueUrl: string;
}): DeadLetterQueue {
  const { client, queueUrl } = options;
  return {
    async receive() {
      const command = new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: QUEUE_BATCH,
        VisibilityTimeout: VISIBILITY_SECONDS,
        WaitTimeSeconds: WAIT_SECONDS,
        MessageSystemAttributeNames: ["ApproximateReceiveCount", "SentTimestamp"],
      });
      const answer = await client.send(command).catch((cause: unknown) => {
        throw unavailable("receive from", cause);
      });
      return (answer.Messages ?? []).flatMap(toDeadLetter);
    },
    async delete(letters) {
      if (letters.length === 0) return;
      const command = new DeleteMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: letters.map((letter, index) => ({
          Id: String(index),
          ReceiptHandle: letter.receiptHandle,
        })),
      });
      await client.send(command).catch((cause: unknown) => {
        throw unavailable("delete from", cause);
      });
    },
  };
}

function toDeadLetter(message: Message): DeadLetter[] {
  // SQS always gives the id and the handle; without them a message can be neither stored nor deleted.
  if (message.MessageId === undefined || message.ReceiptHandle === undefined) return [];
  const sentAt = Number(message.Attributes?.SentTimestamp);
  return [
    {
      messageId: message.MessageId,
      body: message.Body ?? "",
      receiveCount: Number(message.Attributes?.ApproximateReceiveCount) || 1,
      sentAtMs: Number.isFinite(sentAt) ? sentAt : undefined,
      receiptHandle: message.ReceiptHandle,
    },
  ];
}
