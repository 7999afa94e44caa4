/** The features of SQS that the functions rely on, on every endpoint: docs/decisions/0032-aws-emulators.md. */

import { randomUUID } from "node:crypto";
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  type Message,
  SendMessageBatchCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, type TestContext, test } from "vitest";
import { DEAD_LETTER_RETENTION_SECONDS, LONG_POLL_SECONDS } from "../../infra/limits.ts";
import { createDeadLetterQueue } from "../../lib/queue/dead-letter-queue.ts";
import { decodeRepairMessage } from "../../lib/queue/repair-message.ts";
import { createRepairQueue } from "../../lib/queue/repair-queue.ts";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../lib/slab/ids.ts";
import type { LeasedSlab } from "../../lib/slab/leased-slab.ts";
import { until } from "../support/until.ts";
import { chosenEndpoints, describeEndpoints } from "./support/chosen-endpoints.ts";
import type { AwsEndpoint } from "./support/endpoint.ts";
import { createQueuePair, type Queue, type QueuePair } from "./support/queue-pair.ts";
import { findSqsGaps, KNOWN_SQS_GAPS, type SqsGap } from "./support/sqs-gaps.ts";

/** The shortest time for which SQS can hide a received message before it redelivers the message. */
const VISIBILITY_SECONDS = 1;
const MAX_RECEIVES = 2;

describeEndpoints(chosenEndpoints(), (start) => {
  let endpoint: AwsEndpoint;
  let gaps: readonly SqsGap[];
  let queues: QueuePair;

  beforeAll(async () => {
    endpoint = await start();
    const probed = await createQueuePair(endpoint, { visibilitySeconds: 30, maxReceiveCount: 5 });
    gaps = await findSqsGaps(probed);
    await probed.remove();
  });
  afterAll(() => endpoint?.stop());
  beforeEach(async () => {
    queues = await createQueuePair(endpoint, {
      visibilitySeconds: VISIBILITY_SECONDS,
      maxReceiveCount: MAX_RECEIVES,
    });
  });
  afterEach(() => queues.remove());

  const skipIf = (context: TestContext, gap: SqsGap): void => {
    if (gaps.includes(gap)) context.skip(`${endpoint.name}: ${gap}`);
  };
  const send = async (queue: Queue, body: string): Promise<void> => {
    await queues.client.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: body }));
  };
  const remove = async (queue: Queue, { ReceiptHandle }: Message): Promise<void> => {
    await queues.client.send(new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle }));
  };
  /** Polls until a message arrives; a receive on AWS may return nothing although the queue has a message. */
  const receiveOne = async (queue: Queue): Promise<Message> =>
    (
      await until(
        () => queues.receive(queue, { WaitTimeSeconds: 1 }),
        (found) => found.length > 0,
      )
    )[0]!;
  /** Waits until a queue has these numbers of messages: on AWS the numbers are only eventually consistent. */
  const untilCounts = (queue: Queue, visible: number, inFlight: number) =>
    until(
      async () => {
        const found = await queues.attributes(queue);
        return [
          Number(found.ApproximateNumberOfMessages),
          Number(found.ApproximateNumberOfMessagesNotVisible),
        ];
      },
      ([first, second]) => first === visible && second === inFlight,
      { limitMs: 90_000 },
    );
  /** Receives a message once more than allowed, and returns the dead letter that it becomes. */
  const wearOut = async (body: string): Promise<Message> => {
    await send(queues.repairs, body);
    const first = await receiveOne(queues.repairs);
    const received = await until(
      async () => {
        await queues.receive(queues.repairs);
        return queues.receive(queues.deadLetters);
      },
      (found) => found.length > 0,
    );
    expect(received[0]!.MessageId).toBe(first.MessageId);
    return received[0]!;
  };
  const messages = (count: number): LeasedSlab[] =>
    Array.from({ length: count }, (_, index) => ({
      slabId: parseSlabId(String(index + 1)),
      digest: parseSlabDigest("cd".repeat(32)),
      token: parseLeaseToken(randomUUID()),
    }));

  test("the emulator lacks exactly the features that are listed as missing", (context) => {
    if (!endpoint.isPinned)
      context.skip(`of ${endpoint.name} it is not known: ${gaps.join(", ") || "nothing"}`);
    expect(gaps).toEqual(KNOWN_SQS_GAPS[endpoint.name]);
  });

  test("a queue has the attributes that the deployment gives it", async () => {
    expect(await queues.attributes(queues.repairs)).toMatchObject({
      VisibilityTimeout: String(VISIBILITY_SECONDS),
      ReceiveMessageWaitTimeSeconds: String(LONG_POLL_SECONDS),
      SqsManagedSseEnabled: "true",
    });
    const { RedrivePolicy } = await queues.attributes(queues.repairs);
    const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(RedrivePolicy ?? "{}");
    expect([deadLetterTargetArn, Number(maxReceiveCount)]).toEqual([queues.deadLetters.arn, MAX_RECEIVES]);
    const { MessageRetentionPeriod } = await queues.attributes(queues.deadLetters);
    expect(MessageRetentionPeriod).toBe(String(DEAD_LETTER_RETENTION_SECONDS));
  });

  test("a batch of ten messages arrives complete", async () => {
    const queue = createRepairQueue({
      indexer: "default",
      client: queues.client,
      queueUrl: queues.repairs.url,
    });
    const batch = messages(10);
    expect(await queue.send(batch)).toEqual({ sent: batch, failed: [] });
    const arrived = new Map<string, LeasedSlab>();
    await until(
      async () => {
        for (const message of await queues.receive(queues.repairs)) {
          const repair = decodeRepairMessage(message.Body ?? "", "default");
          arrived.set(repair.token, repair);
          await remove(queues.repairs, message);
        }
        return arrived.size;
      },
      (count) => count === batch.length,
    );
    expect(batch.map(({ token }) => arrived.get(token))).toEqual(batch);
  });

  test("SQS refuses the invalid message of a batch and accepts the valid one", async () => {
    const answer = await queues.client.send(
      new SendMessageBatchCommand({
        QueueUrl: queues.repairs.url,
        Entries: [
          { Id: "0", MessageBody: "taken" },
          { Id: "1", MessageBody: "not a character: \u0000" },
        ],
      }),
    );
    expect(answer.Successful).toMatchObject([{ Id: "0" }]);
    expect(answer.Failed).toMatchObject([{ Id: "1", Code: "InvalidMessageContents" }]);
    expect((await receiveOne(queues.repairs)).Body).toBe("taken");
  });

  test("sending to or receiving from a missing queue fails with queue-unavailable", async () => {
    const options = { client: queues.client, queueUrl: `${queues.repairs.url}-none`, indexer: "default" };
    await expect(createRepairQueue(options).send(messages(1))).rejects.toMatchObject({
      code: "queue-unavailable",
    });
    await expect(createDeadLetterQueue(options).receive()).rejects.toMatchObject({
      code: "queue-unavailable",
    });
  });

  test("a long poll waits for a message and returns as soon as it arrives", async () => {
    const startedAt = Date.now();
    // This receive waits for up to the time in the queue's own attribute, as Lambda's poller does.
    const polling = queues.receive(queues.repairs, { WaitTimeSeconds: undefined });
    await send(queues.repairs, "late");
    expect(await polling).toMatchObject([{ Body: "late" }]);
    expect(Date.now() - startedAt).toBeLessThan(LONG_POLL_SECONDS * 1_000);
    const emptyAt = Date.now();
    expect(await queues.receive(queues.deadLetters, { WaitTimeSeconds: 1 })).toEqual([]);
    // The poll lasts 1,000 ms by the endpoint's timer, whose clock may differ from ours by some milliseconds.
    expect(Date.now() - emptyAt).toBeGreaterThan(800);
  });

  test("a received message is redelivered after its visibility timeout, with a new receipt handle", async () => {
    await send(queues.repairs, "again");
    const first = await receiveOne(queues.repairs);
    const second = await receiveOne(queues.repairs);
    expect(second.MessageId).toBe(first.MessageId);
    expect(second.ReceiptHandle).not.toBe(first.ReceiptHandle);
    expect(first.Attributes).toMatchObject({ ApproximateReceiveCount: "1" });
    expect(second.Attributes).toMatchObject({
      ApproximateReceiveCount: "2",
      SentTimestamp: first.Attributes?.SentTimestamp,
    });
  });

  test("a received message is hidden for the requested time, or until its visibility timeout is set to 0", async () => {
    await send(queues.repairs, "held");
    const held = await until(
      () => queues.receive(queues.repairs, { VisibilityTimeout: 600 }),
      (found) => found.length > 0,
    );
    await untilCounts(queues.repairs, 0, 1);
    // This receive waits longer than the queue's own visibility timeout, but the message was hidden for 600 s.
    expect(await queues.receive(queues.repairs, { WaitTimeSeconds: 2 * VISIBILITY_SECONDS })).toEqual([]);
    await queues.client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: queues.repairs.url,
        ReceiptHandle: held[0]!.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    expect((await receiveOne(queues.repairs)).MessageId).toBe(held[0]!.MessageId);
  });

  test("a message is deleted by its receipt handle", async () => {
    await send(queues.repairs, "once");
    await remove(queues.repairs, await receiveOne(queues.repairs));
    await untilCounts(queues.repairs, 0, 0);
    expect(await queues.receive(queues.repairs, { WaitTimeSeconds: 2 * VISIBILITY_SECONDS })).toEqual([]);
  });

  test("deleting a message twice is harmless", async (context) => {
    skipIf(context, "refuses to delete a message twice");
    await send(queues.repairs, "once");
    const message = await receiveOne(queues.repairs);
    await remove(queues.repairs, message);
    await remove(queues.repairs, message);
  });

  test("SQS carries out one deletion of a batch and refuses the other, whose receipt handle is invalid", async (context) => {
    skipIf(context, "takes anything for a receipt handle");
    await send(queues.repairs, "deleted");
    const { ReceiptHandle } = await receiveOne(queues.repairs);
    const answer = await queues.client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queues.repairs.url,
        Entries: [
          { Id: "0", ReceiptHandle },
          { Id: "1", ReceiptHandle: "nonsense" },
        ],
      }),
    );
    expect(answer.Successful).toMatchObject([{ Id: "0" }]);
    expect(answer.Failed).toMatchObject([{ Id: "1", Code: "ReceiptHandleIsInvalid" }]);
    await untilCounts(queues.repairs, 0, 0);
  });

  test("a message that was received too often is moved, unchanged, to the dead-letter queue", async () => {
    const letter = await wearOut("dead");
    expect(letter.Body).toBe("dead");
    expect(Number(letter.Attributes?.ApproximateReceiveCount)).toBeGreaterThanOrEqual(1);
    await untilCounts(queues.repairs, 0, 0);
  });

  test("reap's receive hides dead letters for a minute, and its delete removes them", async () => {
    const { ReceiptHandle } = await wearOut("letter");
    await queues.client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: queues.deadLetters.url,
        ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    const letters = createDeadLetterQueue({ client: queues.client, queueUrl: queues.deadLetters.url });
    const received = await until(
      () => letters.receive(),
      (found) => found.length > 0,
    );
    expect(received).toMatchObject([{ body: "letter", messageId: expect.any(String) }]);
    expect(received[0]!.sentAtMs).toBeGreaterThan(Date.now() - 600_000);
    expect(await letters.receive()).toEqual([]);
    await untilCounts(queues.deadLetters, 0, 1);
    await letters.delete(received);
    await untilCounts(queues.deadLetters, 0, 0);
  });

  test("dead letters can be moved back to their source queue", async (context) => {
    skipIf(context, "no StartMessageMoveTask");
    const { ReceiptHandle } = await wearOut("back");
    await queues.client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: queues.deadLetters.url,
        ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    await untilCounts(queues.deadLetters, 1, 0);
    await queues.client.send(new StartMessageMoveTaskCommand({ SourceArn: queues.deadLetters.arn }));
    expect((await receiveOne(queues.repairs)).Body).toBe("back");
    const { Results: tasks } = await queues.client.send(
      new ListMessageMoveTasksCommand({ SourceArn: queues.deadLetters.arn }),
    );
    expect(tasks).toMatchObject([{ ApproximateNumberOfMessagesMoved: 1 }]);
    await untilCounts(queues.deadLetters, 0, 0);
  });

  test("the dead-letter queue names its source queue", async (context) => {
    skipIf(context, "no ListDeadLetterSourceQueues");
    const { queueUrls } = await queues.client.send(
      new ListDeadLetterSourceQueuesCommand({ QueueUrl: queues.deadLetters.url }),
    );
    expect(queueUrls).toEqual([queues.repairs.url]);
  });
});
