import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type QueuePair, type QueueServer, startQueueServer } from "../../dev/aws/queue-server.ts";
import { createDeadLetterQueue } from "../../lib/queue/dead-letter-queue.ts";
import { decodeRepairMessage } from "../../lib/queue/repair-message.ts";
import { createRepairQueue } from "../../lib/queue/repair-queue.ts";
import { returnDelaySeconds } from "../../lib/queue/return-delay.ts";
import { returnMessage } from "../../lib/queue/return-message.ts";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../lib/slab/ids.ts";
import type { LeasedSlab } from "../../lib/slab/leased-slab.ts";
import { until } from "../support/until.ts";

let server: QueueServer;
let client: SQSClient;
beforeAll(async () => {
  server = await startQueueServer();
  client = server.createClient();
});
afterAll(async () => {
  client.destroy();
  await server.stop();
});

let queues: QueuePair;
let count = 0;
beforeEach(async () => {
  count += 1;
  queues = await server.createQueues({
    visibilityTimeoutSeconds: 1,
    maxReceiveCount: 1,
    namePrefix: `test-${count}`,
  });
});

const messages = (n: number): LeasedSlab[] =>
  Array.from({ length: n }, (_, index) => ({
    slabId: parseSlabId(String(index + 1)),
    digest: parseSlabDigest("cd".repeat(32)),
    token: parseLeaseToken("0b9d7a5e-5d7c-4b0e-9d1b-0c6d3a1f2e4d"),
  }));

const receive = async (url: string) => {
  const answer = await client.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }));
  return answer.Messages ?? [];
};

describe("the queue of repairs", () => {
  test("the repair queue accepts a batch of ten and reports the sent messages", async () => {
    const queue = createRepairQueue({ indexer: "default", client, queueUrl: queues.repairs.url });
    const batch = messages(10);
    expect(await queue.send(batch)).toEqual({ sent: batch, failed: [] });
    const bodies = (await receive(queues.repairs.url)).map((message) =>
      decodeRepairMessage(message.Body ?? "", "default"),
    );
    expect(bodies.map((body) => body.slabId).toSorted()).toEqual(
      batch.map((message) => message.slabId).toSorted(),
    );
    expect(await queue.send([])).toEqual({ sent: [], failed: [] });
    await expect(queue.send(messages(11))).rejects.toThrow(RangeError);
  });

  test("the repair queue reports a message as failed if SQS refuses it or does not mention it in the answer", async () => {
    const answering = {
      send: async () => ({ Successful: [{ Id: "0" }], Failed: [{ Id: "1", Code: "InternalError" }] }),
    } as unknown as SQSClient;
    const [first, second, third] = messages(3);
    expect(
      await createRepairQueue({ indexer: "default", client: answering, queueUrl: "x" }).send([
        first!,
        second!,
        third!,
      ]),
    ).toEqual({
      sent: [first],
      failed: [
        { message: second, code: "InternalError" },
        { message: third, code: "not-confirmed" },
      ],
    });
  });

  test("sending to a queue that is missing or not reachable fails with the code queue-unavailable", async () => {
    const queue = createRepairQueue({ indexer: "default", client, queueUrl: `${queues.repairs.url}-none` });
    await expect(queue.send(messages(1))).rejects.toMatchObject({ code: "queue-unavailable" });
    const nobody = new SQSClient({
      endpoint: "http://127.0.0.1:1",
      region: "local",
      credentials: { accessKeyId: "x", secretAccessKey: "y" },
      maxAttempts: 1,
    });
    await expect(
      createRepairQueue({ indexer: "default", client: nobody, queueUrl: "http://127.0.0.1:1/q" }).send(
        messages(1),
      ),
    ).rejects.toMatchObject({ code: "queue-unavailable" });
    nobody.destroy();
  });
});

describe("a message that never began", () => {
  test("a returned message is received again long before the visibility timeout", async () => {
    const patient = await server.createQueues({
      visibilityTimeoutSeconds: 3_600,
      maxReceiveCount: 5,
      namePrefix: `patient-${count}`,
    });
    const queueUrl = patient.repairs.url;
    await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: "canary" }));
    const [first] = await receive(queueUrl);
    expect(await receive(queueUrl)).toEqual([]);
    await returnMessage({ client, queueUrl }, first!.ReceiptHandle!, 0);
    expect(await receive(queueUrl)).toMatchObject([{ Body: "canary" }]);
    const gone = returnMessage({ client, queueUrl: `${queueUrl}-none` }, first!.ReceiptHandle!, 0);
    await expect(gone).rejects.toMatchObject({ code: "queue-unavailable" });
  });

  test.each([
    [1, 0, 30],
    [1, 1, 38],
    [2, 0, 90],
    [3, 0, 270],
    [4, 0, 480],
    [5, 1, 600],
    [1_000, 0, 480],
    [0, 0, 30],
    [Number.NaN, 0, 30],
  ])("received %s times waits, with a random number of %s, %s seconds", (receives, random, seconds) => {
    expect(returnDelaySeconds(receives, random)).toBe(seconds);
  });
});

test("dead letters are received with their receive counts, and leave the queue when they are deleted", async () => {
  await client.send(new SendMessageCommand({ QueueUrl: queues.repairs.url, MessageBody: "canary" }));
  expect(await receive(queues.repairs.url)).toHaveLength(1);
  const letters = createDeadLetterQueue({ client, queueUrl: queues.deadLetters.url });
  // The second receive, after the visibility timeout, exceeds maxReceiveCount: the message becomes a dead letter.
  const received = await until(
    async () => {
      await receive(queues.repairs.url);
      return await letters.receive();
    },
    (some) => some.length > 0,
  );
  expect(received).toMatchObject([{ body: "canary", receiveCount: expect.any(Number) }]);
  expect(received[0]!.sentAtMs).toBeGreaterThan(Date.now() - 60_000);
  expect(await server.count(queues.deadLetters)).toEqual({ visible: 0, inFlight: 1 });
  await letters.delete(received);
  expect(await server.count(queues.deadLetters)).toEqual({ visible: 0, inFlight: 0 });
  await letters.delete([]);
});
