/** A queue of repairs and its dead-letter queue on an endpoint, made for one test and deleted after it. */
import { randomUUID } from "node:crypto";
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  type QueueAttributeName,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SQSClient,
} from "@aws-sdk/client-sqs";
import {
  DEAD_LETTER_RETENTION_SECONDS,
  LONG_POLL_SECONDS,
  MESSAGE_RETENTION_SECONDS,
} from "../../../infra/limits.ts";
import { type AwsEndpoint, clientOptions } from "./endpoint.ts";

export interface Queue {
  readonly url: string;
  readonly arn: string;
}

export interface QueuePair {
  readonly client: SQSClient;
  readonly repairs: Queue;
  readonly deadLetters: Queue;
  attributes(queue: Queue): Promise<Partial<Record<QueueAttributeName, string>>>;
  receive(queue: Queue, options?: Partial<ReceiveMessageCommandInput>): Promise<Message[]>;
  remove(): Promise<void>;
}

export interface QueuePairOptions {
  readonly visibilitySeconds: number;
  readonly maxReceiveCount: number;
}

export async function createQueuePair(
  endpoint: AwsEndpoint,
  { visibilitySeconds, maxReceiveCount }: QueuePairOptions,
): Promise<QueuePair> {
  const client = new SQSClient(clientOptions(endpoint));
  const prefix = `slabmend-test-${randomUUID()}`;
  const attributes: QueuePair["attributes"] = async ({ url }) => {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] });
    return (await client.send(command)).Attributes ?? {};
  };
  const create = async (name: string, settings: Record<string, string>): Promise<Queue> => {
    const command = new CreateQueueCommand({ QueueName: `${prefix}-${name}`, Attributes: settings });
    const url = (await client.send(command)).QueueUrl ?? "";
    return { url, arn: (await attributes({ url, arn: "" })).QueueArn ?? "" };
  };
  const deadLetters = await create("dead-letters", {
    MessageRetentionPeriod: String(DEAD_LETTER_RETENTION_SECONDS),
    SqsManagedSseEnabled: "true",
  });
  const repairs = await create("repairs", {
    VisibilityTimeout: String(visibilitySeconds),
    MessageRetentionPeriod: String(MESSAGE_RETENTION_SECONDS),
    ReceiveMessageWaitTimeSeconds: String(LONG_POLL_SECONDS),
    SqsManagedSseEnabled: "true",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount }),
  });
  return {
    client,
    repairs,
    deadLetters,
    attributes,
    async receive(queue, options = {}) {
      const command = new ReceiveMessageCommand({
        QueueUrl: queue.url,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ["All"],
        WaitTimeSeconds: 0,
        ...options,
      });
      return (await client.send(command)).Messages ?? [];
    },
    async remove() {
      for (const { url } of [repairs, deadLetters])
        await client.send(new DeleteQueueCommand({ QueueUrl: url }));
      client.destroy();
    },
  };
}
