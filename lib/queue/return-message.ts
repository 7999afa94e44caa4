import { ChangeMessageVisibilityCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { unavailable } from "./repair-queue.ts";

/**
 * Returns a message to the queue because its repair never began: the message becomes visible again after `delaySeconds`
 * ({@link returnDelaySeconds}). SQS still counts the receive.
 * @throws {QueueError} if SQS cannot be told; the message then becomes visible after the queue's visibility timeout
 */
export async function returnMessage(
  queue: { readonly client: SQSClient; readonly queueUrl: string },
  receiptHandle: string,
  delaySeconds: number,
): Promise<void> {
  const command = new ChangeMessageVisibilityCommand({
    QueueUrl: queue.queueUrl,
    ReceiptHandle: receiptHandle,
    VisibilityTimeout: delaySeconds,
  });
  await queue.client.send(command).catch((cause: unknown) => {
    throw unavailable("return a message to", cause);
  });
}
