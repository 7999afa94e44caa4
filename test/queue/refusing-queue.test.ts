/** `work` on a queue that fails or does not exist: it pauses after each failure, and logs failures once a minute. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SQSClient } from "@aws-sdk/client-sqs";
import { expect, test } from "vitest";
import { LOCAL_CREDENTIALS, LOCAL_REGION } from "../../dev/aws/function-definition.ts";
import { boundedClient, COMMAND_ANSWER_MS } from "../../lib/queue/client-settings.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { RepeatedLines } from "../../lib/telemetry/repeated-lines.ts";
import { pauseAfterErrorsMs } from "../../lib/worker/pause-after-errors.ts";
import { workFromQueue } from "../../lib/worker/work-from-queue.ts";
import { WorkerPool } from "../../lib/worker/worker-pool.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { untilEqual } from "../support/until.ts";

const POLLERS = 4;

/** A queue that answers every request with `error`. Without `error` nothing listens at its address. */
async function startRefusal(error?: readonly [status: number, code: string]) {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume().on("end", () => {
      const [status, code] = error!;
      response.writeHead(status, {
        "content-type": "application/x-amz-json-1.0",
        "x-amzn-query-error": `${code};Sender`,
      });
      response.end(JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message: code }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  if (error === undefined) await stop();
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    stop: error === undefined ? async () => {} : stop,
  };
}

test.each([
  ["fails internally", [503, "InternalError"]],
  ["denies access to this role", [403, "AccessDenied"]],
  ["does not exist", [400, "QueueDoesNotExist"]],
  ["throttles", [400, "RequestThrottled"]],
  ["is not reachable", undefined],
] as const)(
  "a queue that %s is polled again after a pause, and polling stops at once on request; the failure is logged once",
  async (_name, error) => {
    const queue = await startRefusal(error);
    const clock = createFakeClock();
    const lines: string[] = [];
    const ending = new AbortController();
    const client = new SQSClient({
      ...boundedClient(COMMAND_ANSWER_MS),
      endpoint: queue.url,
      region: LOCAL_REGION,
      credentials: LOCAL_CREDENTIALS,
      maxAttempts: 1,
    });
    const pool = new WorkerPool({ size: POLLERS, environment: {}, timeoutMs: 60_000, clock });
    const working = workFromQueue({
      client,
      queueUrl: `${queue.url}/0/repairs`,
      indexer: "default",
      pool,
      concurrency: POLLERS,
      clock,
      logger: createLogger("warn", {
        indexer: "default",
        destination: { write: (line: string) => void lines.push(line) },
      }),
      onEnd: () => {},
      signal: ending.signal,
    });
    // Waits until every poller has failed once and pauses. The pauses do not end, because the test's clock stands
    // still.
    await untilEqual(() => clock.pending, POLLERS);
    const asked = queue.requests();
    expect(asked).toBe(error === undefined ? 0 : POLLERS);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("the queue could not be used");
    // After a minute the failure is logged again, with the number of suppressed lines.
    let pauses = 0;
    for (; lines.length < 2 && pauses < 20; pauses += 1) {
      await clock.advance(30_000);
      await untilEqual(() => clock.pending, POLLERS);
    }
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[1]!)).toMatchObject({ unsaid: expect.any(Number) });
    // Pauses begin at 5 s and grow, so in half a minute a poller sends at most four requests.
    expect(queue.requests()).toBeLessThanOrEqual(POLLERS * (1 + 4 * pauses));
    ending.abort(new Error("told to end"));
    await working;
    expect(clock.pending).toBe(0);
    client.destroy();
    await queue.stop();
  },
);

test("after errors the pauses between polls grow to a minute, and many pollers together poll at most twice a second", () => {
  expect([1, 2, 3, 4, 5, 50].map((failures) => pauseAfterErrorsMs(failures, 4, 0))).toEqual([
    5_000, 10_000, 20_000, 40_000, 60_000, 60_000,
  ]);
  expect(pauseAfterErrorsMs(1, 4, 1)).toBe(7_500);
  for (const pollers of [1, 10, 64, 500]) {
    expect((pollers / pauseAfterErrorsMs(1, pollers, 0)) * 1_000).toBeLessThanOrEqual(2);
  }
});

test("repeated failures of one kind are logged once a minute, and another kind is logged at once", () => {
  const clock = createFakeClock();
  const lines = new RepeatedLines(clock);
  const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
  expect(lines.note("it failed", refused)).toEqual({ unsaid: 0 });
  expect(lines.note("it failed", refused)).toBeUndefined();
  expect(lines.note("it failed", new TypeError("another"))).toEqual({ unsaid: 0 });
  expect(lines.note("that failed", refused)).toEqual({ unsaid: 0 });
  clock.skip(59_999);
  expect(lines.note("it failed", refused)).toBeUndefined();
  clock.skip(1);
  expect(lines.note("it failed", refused)).toEqual({ unsaid: 2 });
  for (let kind = 0; kind < 200; kind += 1) lines.note(`kind ${kind}`, refused);
  expect(lines.note("it failed", refused)).toEqual({ unsaid: 0 });
});
