import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type QueueServer, startQueueServer } from "../../dev/aws/queue-server.ts";

let server: QueueServer;
beforeAll(async () => {
  server = await startQueueServer();
});
afterAll(() => server.stop());

test("a client that knows only AWS_ENDPOINT_URL and the queue's URL sends, receives and deletes messages", async () => {
  const { repairs } = await server.createQueues({
    visibilityTimeoutSeconds: 30,
    maxReceiveCount: 5,
    namePrefix: "a",
  });
  expect(new URL(repairs.url).hostname).toBe("127.0.0.1");
  const before = { ...process.env };
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: server.url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
  const client = new SQSClient();
  try {
    await client.send(new SendMessageCommand({ QueueUrl: repairs.url, MessageBody: "hello" }));
    const { Messages: messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl: repairs.url }),
    );
    expect(messages.map((message) => message.Body)).toEqual(["hello"]);
    const ReceiptHandle = messages[0]!.ReceiptHandle;
    await client.send(new DeleteMessageCommand({ QueueUrl: repairs.url, ReceiptHandle }));
    expect(await server.count(repairs)).toEqual({ visible: 0, inFlight: 0 });
  } finally {
    process.env = before;
    client.destroy();
  }
});

test("the embedded SQS listens on loopback only", async () => {
  const { port } = new URL(server.url);
  const others = Object.values(networkInterfaces()).flatMap((list = []) =>
    list.filter((address) => !address.internal && address.family === "IPv4"),
  );
  for (const { address } of others) {
    const refused = new Promise<boolean>((resolve) => {
      const socket = connect({ host: address, port: Number(port) });
      socket.on("connect", () => resolve(false)).on("error", () => resolve(true));
      socket.on("connect", () => socket.destroy());
    });
    expect(await refused).toBe(true);
  }
});

test("the embedded SQS stops at once while a client polls", async () => {
  const other = await startQueueServer();
  const { repairs } = await other.createQueues({ visibilityTimeoutSeconds: 30, maxReceiveCount: 5 });
  const client = other.createClient();
  const polling = client
    .send(new ReceiveMessageCommand({ QueueUrl: repairs.url, WaitTimeSeconds: 20 }))
    .catch((error: unknown) => error);
  await other.count(repairs);
  await Promise.all([other.stop(), other.stop()]);
  client.destroy();
  await polling;
});
