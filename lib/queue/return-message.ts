import { ChangeMessageVisibilityCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { unavailable } from "./repair-queue.ts";

/**
 * Lets a message that never began be received again after `delaySeconds` ({@link returnDelaySeconds}). It counts as received
 * all the same.
 * @throws {QueueError} then it comes back after the queue's visibility timeout
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
