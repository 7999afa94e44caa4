/** An SQS that accepts requests but never answers. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, expect, test } from "vitest";
import { createLambdaClient } from "../../lib/cli/command/aws-clients.ts";
import { invokeFunction } from "../../lib/cli/commands/invoke/invoke-function.ts";
import { boundedClient } from "../../lib/queue/client-settings.ts";
import { createDeadLetterQueue } from "../../lib/queue/dead-letter-queue.ts";
import { createRepairQueue } from "../../lib/queue/repair-queue.ts";

const MESSAGE = {
  slabId: 1n,
  digest: "ab".repeat(32),
  token: "11111111-1111-4111-8111-111111111111",
} as never;

const servers: { close(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function startSilentQueue(answerMs: number, onSocket: () => void = () => {}) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.once("data", onSocket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new SQSClient({
    endpoint,
    region: "local",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    ...boundedClient(answerMs),
  });
  servers.push({
    close() {
      client.destroy();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return { client, endpoint, queueUrl: `${endpoint}/000000000000/repairs`, sockets };
}

test("requests to an SQS that never answers time out, and fail with the code queue-unavailable", async () => {
  const { client, queueUrl, sockets } = await startSilentQueue(150);
  const sending = createRepairQueue({ indexer: "default", client, queueUrl }).send([MESSAGE]);
  await expect(sending).rejects.toMatchObject({ code: "queue-unavailable" });
  expect(sockets.size).toBe(2);
  await expect(createDeadLetterQueue({ client, queueUrl }).receive()).rejects.toMatchObject({
    code: "queue-unavailable",
  });
});

test("a command whose Lambda invocation is never answered fails with the code aws-unavailable", async () => {
  const { endpoint } = await startSilentQueue(150);
  const client = await createLambdaClient(
    {
      AWS_ENDPOINT_URL_LAMBDA: endpoint,
      AWS_REGION: "local",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    },
    150,
  );
  await expect(invokeFunction(client, "claim", new AbortController().signal)).rejects.toMatchObject({
    code: "aws-unavailable",
  });
  client.destroy();
});

test("once the caller's signal aborts, a send to a silent SQS fails at once and is not retried", async () => {
  const late = new AbortController();
  const { client, queueUrl, sockets } = await startSilentQueue(60_000, () => late.abort());
  const sending = createRepairQueue({ indexer: "default", client, queueUrl }).send([MESSAGE], late.signal);
  await expect(sending).rejects.toMatchObject({ code: "queue-unavailable" });
  expect(sockets.size).toBe(1);
});
