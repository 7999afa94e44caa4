import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type BusyWorker,
  type EventSourceMapping,
  type EventSourceMappingOptions,
  startEventSourceMapping,
} from "../../dev/aws/event-source-mapping.ts";
import { FunctionPool } from "../../dev/aws/function-pool.ts";
import { type QueuePair, type QueueServer, startQueueServer } from "../../dev/aws/queue-server.ts";
import { type ParentGuard, startParentGuard } from "../../dev/process/parent-guard.ts";
import { processState } from "../support/processes.ts";
import { untilEqual } from "../support/until.ts";
import { probe } from "./fixtures/functions.ts";

/** SQS's shortest visibility timeout, after which a failed message is redelivered. */
const VISIBILITY_SECONDS = 1;
const MAX_RECEIVES = 2;

let guard: ParentGuard;
let server: QueueServer;
let queues: QueuePair;
let client: SQSClient;
let pool: FunctionPool;
let mapping: EventSourceMapping | undefined;
let log: string;

beforeEach(async () => {
  guard = await startParentGuard();
  server = await startQueueServer();
  client = server.createClient();
  queues = await server.createQueues({
    visibilityTimeoutSeconds: VISIBILITY_SECONDS,
    maxReceiveCount: MAX_RECEIVES,
  });
  pool = new FunctionPool(probe({ handler: "consume", timeoutMs: 3_000 }), { guard, onLine: () => {} });
  log = join(tmpdir(), `slabmend-test-${randomUUID()}`);
});

afterEach(async () => {
  await mapping?.stop();
  mapping = undefined;
  client.destroy();
  await server.stop();
  await pool.stop();
  await guard.release();
  await rm(log, { force: true });
});

function start(options: Partial<EventSourceMappingOptions> = {}): EventSourceMapping {
  mapping = startEventSourceMapping({
    client,
    queue: queues.repairs,
    pool,
    maximumConcurrency: 2,
    ...options,
  });
  return mapping;
}

async function send(order: Record<string, unknown>): Promise<string> {
  const body = JSON.stringify({ log, ...order });
  const sent = await client.send(new SendMessageCommand({ QueueUrl: queues.repairs.url, MessageBody: body }));
  return sent.MessageId!;
}

/** Lines of message id and receive count, in the order in which the handlers saw the messages. */
async function received(): Promise<string[]> {
  const text = await readFile(log, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(" ").slice(0, 2).join(" "));
}

const empty = { visible: 0, inFlight: 0 };

test("a message is passed to a worker process and is deleted after the handler succeeds", async () => {
  const id = await send({ does: "succeed" });
  const started = once(start(), "workerStarted");
  const [worker] = (await started) as [BusyWorker];
  expect(worker.messages).toMatchObject([{ messageId: id, receiveCount: 1 }]);
  expect(worker.pid).not.toBe(process.pid);
  await untilEqual(() => server.count(queues.repairs), empty);
  expect(await received()).toEqual([`${id} 1`]);
  expect(mapping?.busyWorkers).toEqual([]);
});

test("a message whose handler fails is redelivered, then becomes a dead letter", async () => {
  const ways = ["fail", "throw", "exit", "hang", "nonsense"];
  const impatient = probe({ handler: "consume", timeoutMs: 500, maxConcurrency: ways.length });
  pool = new FunctionPool(impatient, { guard, onLine: () => {} });
  const good = await send({ does: "succeed" });
  const bad = await Promise.all(ways.map((does) => send({ does })));
  start({ maximumConcurrency: ways.length });
  await untilEqual(() => server.count(queues.deadLetters), { visible: ways.length, inFlight: 0 });
  const expected = [`${good} 1`, ...bad.flatMap((id) => [`${id} 1`, `${id} 2`])];
  expect((await received()).sort()).toEqual(expected.sort());
  expect(await server.count(queues.repairs)).toEqual(empty);
});

test("only the failed messages of a batch are redelivered", async () => {
  const good = await send({ does: "succeed" });
  const bad = await send({ does: "fail" });
  const started = once(start({ batchSize: 10, maximumConcurrency: 1 }), "workerStarted");
  expect(((await started)[0] as BusyWorker).messages).toHaveLength(2);
  await untilEqual(() => server.count(queues.deadLetters), { visible: 1, inFlight: 0 });
  expect((await received()).sort()).toEqual([`${bad} 1`, `${bad} 2`, `${good} 1`].sort());
});

test("the event source mapping keeps simultaneous invocations within its maximum concurrency", async () => {
  for (let index = 0; index < 6; index += 1) await send({ does: "wait", waitMs: 100 });
  const running = start({ maximumConcurrency: 2 });
  let most = 0;
  running.on("workerStarted", () => {
    most = Math.max(most, running.busyWorkers.length);
  });
  await untilEqual(async () => (await received()).length, 6);
  await untilEqual(() => server.count(queues.repairs), empty);
  expect(most).toBe(2);
  expect(pool.pids).toHaveLength(2);
});

test("the message of a killed worker goes to another process", async () => {
  const id = await send({ does: "wait", waitMs: 300 });
  // With a second poller, a message whose second process starts slowly could become visible again and be received a
  // third time.
  const running = start({ maximumConcurrency: 1 });
  const pids: number[] = [];
  const signals: string[] = [];
  running.on("workerSignalled", (worker, signal) =>
    signals.push(`${worker.messages[0]?.messageId} ${signal}`),
  );
  running.on("workerStarted", (worker) => {
    pids.push(worker.pid);
    if (pids.length === 1) expect(running.killWorker(worker.pid)).toBe(true);
  });
  const ended = once(running, "workerEnded");
  const [, result] = await ended;
  expect(result).toMatchObject({ outcome: { kind: "failed", how: "crashed" }, failed: [id] });
  await untilEqual(() => pids.length, 2);
  await untilEqual(() => server.count(queues.repairs), empty);
  expect(new Set(pids).size).toBe(2);
  expect(signals).toEqual([`${id} SIGKILL`]);
  expect(await server.count(queues.deadLetters)).toEqual(empty);
});

test("a working process can be stopped and continued", async () => {
  await send({ does: "wait", waitMs: 50 });
  const running = start();
  const [worker] = (await once(running, "workerStarted")) as [BusyWorker];
  expect(running.killWorker(worker.pid, "SIGSTOP")).toBe(true);
  await untilEqual(() => processState(worker.pid), "T");
  expect(running.busyWorkers).toHaveLength(1);
  const ended = once(running, "workerEnded");
  expect(running.killWorker(worker.pid, "SIGCONT")).toBe(true);
  expect((await ended)[1]).toMatchObject({ outcome: { kind: "succeeded" }, failed: [] });
  expect(running.killWorker(worker.pid)).toBe(false);
});

test("stop lets a worker finish within the grace period, and kills a worker that takes longer", async () => {
  const first = await send({ does: "wait", waitMs: 300 });
  const running = start();
  await once(running, "workerStarted");
  await running.stop(10_000);
  expect(await server.count(queues.repairs)).toEqual(empty);
  const second = await send({ does: "hang" });
  const again = start();
  await once(again, "workerStarted");
  const ended = once(again, "workerEnded");
  // Waits until the function has logged the message: a worker that is killed earlier would have logged nothing.
  await untilEqual(received, [`${first} 1`, `${second} 1`]);
  await again.stop();
  expect((await ended)[1]).toMatchObject({ outcome: { how: "crashed" }, failed: [second] });
  expect(await received()).toEqual([`${first} 1`, `${second} 1`]);
});

test("an unreachable queue is reported and does not end the mapping", async () => {
  const running = start();
  const failed = once(running, "failed");
  await server.stop();
  expect((await failed)[0]).toBeInstanceOf(Error);
});
