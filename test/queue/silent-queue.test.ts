/** An SQS that takes what it is sent and says nothing. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { SQSClient } from "@aws-sdk/client-sqs";
import { expect, test } from "vitest";
import { boundedClient } from "../../lib/queue/client-settings.ts";
import { createDeadLetterQueue } from "../../lib/queue/dead-letter-queue.ts";
import { createRepairQueue } from "../../lib/queue/repair-queue.ts";

test("is given up, so that whoever asks goes on with what else there is to do", async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new SQSClient({
    endpoint,
    region: "local",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    ...boundedClient(150),
  });
  const queueUrl = `${endpoint}/000000000000/repairs`;
  try {
    const sending = createRepairQueue({ client, queueUrl }).send([
      { slabId: 1n, digest: "ab".repeat(32), token: "11111111-1111-4111-8111-111111111111" } as never,
    ]);
    await expect(sending).rejects.toMatchObject({ code: "queue-unavailable" });
    expect(sockets.size).toBe(2);
    await expect(createDeadLetterQueue({ client, queueUrl }).receive()).rejects.toMatchObject({
      code: "queue-unavailable",
    });
  } finally {
    client.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
