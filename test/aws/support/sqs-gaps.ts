/** Tries which features of SQS an endpoint lacks, so that tests of these features can be skipped with a reason. */
import {
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ListDeadLetterSourceQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
} from "@aws-sdk/client-sqs";
import type { QueuePair } from "./queue-pair.ts";

/** Each probe's name is the reason that is given when a test is skipped. */
const PROBES = {
  "no StartMessageMoveTask": ({ client, deadLetters }) =>
    isUnknownAction(client.send(new StartMessageMoveTaskCommand({ SourceArn: deadLetters.arn }))),
  "no ListDeadLetterSourceQueues": ({ client, deadLetters }) =>
    isUnknownAction(client.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: deadLetters.url }))),
  "takes anything for a receipt handle": async ({ client, deadLetters }) => {
    const answer = await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: deadLetters.url,
        Entries: [{ Id: "0", ReceiptHandle: "nonsense" }],
      }),
    );
    return (answer.Failed ?? []).length === 0;
  },
  "refuses to delete a message twice": async ({ client, deadLetters: { url: QueueUrl } }) => {
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "probe" }));
    const { Messages: messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }),
    );
    const command = new DeleteMessageCommand({ QueueUrl, ReceiptHandle: messages[0]?.ReceiptHandle });
    await client.send(command);
    return client.send(command).then(
      () => false,
      () => true,
    );
  },
} as const satisfies Record<string, (queues: QueuePair) => Promise<boolean>>;

export type SqsGap = keyof typeof PROBES;

export async function findSqsGaps(queues: QueuePair): Promise<SqsGap[]> {
  const gaps: SqsGap[] = [];
  for (const [name, isLacking] of Object.entries(PROBES)) {
    if (await isLacking(queues)) gaps.push(name as SqsGap);
  }
  return gaps;
}

/** Error codes of emulators and AWS for an unknown operation. */
const UNKNOWN_ACTION = new Set(["InvalidAction", "UnknownOperationException", "NotImplemented"]);

async function isUnknownAction(answer: Promise<unknown>): Promise<boolean> {
  try {
    await answer;
    return false;
  } catch (error) {
    return error instanceof Error && UNKNOWN_ACTION.has(error.name);
  }
}

/** The known gaps of the pinned versions. A test compares them with the real gaps, so that a new gap is noticed. */
export const KNOWN_SQS_GAPS: Readonly<Record<string, readonly SqsGap[]>> = {
  fauxqs: ["no StartMessageMoveTask", "no ListDeadLetterSourceQueues", "takes anything for a receipt handle"],
  MiniStack: [
    "no StartMessageMoveTask",
    "no ListDeadLetterSourceQueues",
    "refuses to delete a message twice",
  ],
  LocalStack: [],
};
