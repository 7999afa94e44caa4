/**
 * Emulates Lambda's event-source mapping between SQS and a function. There are as many pollers (sqs-consumer) as
 * simultaneous invocations are allowed. Each poller passes the batch that it received to the function, then deletes the
 * messages that did not fail. After a crash, a timeout or a malformed response all messages stay: they become visible
 * again, and in the end SQS moves them to the dead-letter queue.
 */
import { EventEmitter } from "node:events";
import type { Message, SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";
import { readBatchResponse } from "./batch-response.ts";
import { LOCAL_REGION } from "./function-definition.ts";
import type { FunctionPool, Invocation, PoolOutcome } from "./function-pool.ts";
import type { Queue } from "./queue-server.ts";

export interface EventSourceMappingOptions {
  readonly client: SQSClient;
  readonly queue: Queue;
  readonly pool: FunctionPool;
  /** Messages per invocation, at most 10; default 1. */
  readonly batchSize?: number;
  /** Simultaneous invocations. Lambda's minimum is 2; here 1 is allowed. */
  readonly maximumConcurrency: number;
}

/** A process that is working on messages. */
export interface BusyWorker {
  readonly pid: number;
  readonly requestId: string;
  readonly messages: readonly SourceMessage[];
  readonly startedAtMs: number;
}

interface SourceMessage {
  readonly messageId: string;
  readonly body: string;
  readonly receiveCount: number;
}

export interface EventSourceMappingEvents {
  workerStarted: [BusyWorker];
  /** An invocation ended; `failed` lists the messages that stay in the queue. */
  workerEnded: [BusyWorker, { readonly outcome: PoolOutcome; readonly failed: readonly string[] }];
  /** `killWorker` has sent a signal. */
  workerSignalled: [BusyWorker, NodeJS.Signals];
  /** SQS did not answer, or a message could not be deleted. */
  failed: [Error];
}

/** Pause after a failed poll: the queue may be starting or stopping. */
const PAUSE_AFTER_ERROR_MS = 500;
/**
 * Duration of a long poll. A poll is never aborted: the queue might still deliver a message to the aborted poll, and
 * that message would stay invisible until its visibility timeout ends. So if a poll finds no messages, `stop` waits
 * until this time is over. (Lambda polls for 20 s.)
 */
const WAIT_SECONDS = 1;

export class EventSourceMapping extends EventEmitter<EventSourceMappingEvents> {
  readonly #options: EventSourceMappingOptions;
  readonly #pollers: Poller[] = [];
  readonly #busy = new Map<string, BusyWorker>();
  #stopped = false;

  constructor(options: EventSourceMappingOptions) {
    super();
    this.#options = options;
    for (let index = 0; index < options.maximumConcurrency; index += 1) this.#pollers.push(this.#poll());
  }

  get busyWorkers(): readonly BusyWorker[] {
    return [...this.#busy.values()];
  }

  /**
   * Sends a signal to a busy worker's process: SIGKILL, SIGSTOP, SIGCONT. Returns false if the worker is not busy any
   * more.
   */
  killWorker(pid: number, signal: NodeJS.Signals = "SIGKILL"): boolean {
    const worker = this.busyWorkers.find((busy) => busy.pid === pid);
    if (worker === undefined || !this.#options.pool.signal(pid, signal)) return false;
    this.emit("workerSignalled", worker, signal);
    return true;
  }

  /** Stops polling; workers still busy after `graceMs` are killed, and their messages stay in the queue. */
  async stop(graceMs = 0): Promise<void> {
    this.#stopped = true;
    const timer = setTimeout(() => {
      for (const { pid } of this.#busy.values()) this.#options.pool.signal(pid, "SIGKILL");
    }, graceMs);
    await Promise.all(this.#pollers.map((poller) => poller.stop()));
    clearTimeout(timer);
  }

  #poll(): Poller {
    const { client, queue, batchSize = 1 } = this.#options;
    let resting = Promise.resolve();
    let rest = (): void => {};
    const consumer = Consumer.create({
      sqs: client,
      queueUrl: queue.url,
      batchSize,
      waitTimeSeconds: WAIT_SECONDS,
      authenticationErrorTimeout: PAUSE_AFTER_ERROR_MS,
      messageSystemAttributeNames: ["All"],
      // `#handle` throws only before an invocation, so the messages may become visible again at once.
      terminateVisibilityTimeout: true,
      preReceiveMessageCallback: async () => {
        resting = new Promise((resolve) => {
          rest = resolve;
        });
      },
      handleMessageBatch: (messages) => this.#handle(messages),
    });
    consumer.on("empty", () => rest());
    // This event comes after the successful messages have been deleted.
    consumer.on("response_processed", () => rest());
    consumer.on("error", (error) => {
      if (!this.#stopped) this.emit("failed", error);
      rest();
    });
    consumer.start();
    return {
      async stop() {
        consumer.stop();
        await resting;
      },
    };
  }

  /** Invokes the function with the messages, and returns those to delete. */
  async #handle(messages: readonly Message[]): Promise<Message[]> {
    if (this.#stopped) throw new Error("received while stopping");
    const { pool, queue } = this.#options;
    const payload = JSON.stringify({ Records: messages.map((message) => recordOf(message, queue)) });
    let worker: BusyWorker | undefined;
    const onStarted = (invocation: Invocation): void => {
      worker = workerOf(invocation, messages);
      this.#busy.set(invocation.requestId, worker);
      this.emit("workerStarted", worker);
    };
    const outcome = await pool.invoke(payload, { onStarted });
    const ids = messages.map((message) => message.MessageId ?? "");
    const failed = failedOf(outcome, ids);
    if (worker !== undefined) {
      this.#busy.delete(worker.requestId);
      this.emit("workerEnded", worker, { outcome, failed });
    }
    return messages.filter((message) => !failed.includes(message.MessageId ?? ""));
  }
}

interface Poller {
  stop(): Promise<void>;
}

export function startEventSourceMapping(options: EventSourceMappingOptions): EventSourceMapping {
  return new EventSourceMapping(options);
}

function failedOf(outcome: PoolOutcome, ids: readonly string[]): readonly string[] {
  if (outcome.kind !== "succeeded") return ids;
  const verdict = readBatchResponse(outcome.payload, ids);
  return verdict.kind === "all-failed" ? ids : [...verdict.failed];
}

function workerOf(invocation: Invocation, messages: readonly Message[]): BusyWorker {
  const { pid, requestId, startedAtMs } = invocation;
  return {
    pid,
    requestId,
    startedAtMs,
    messages: messages.map((message) => ({
      messageId: message.MessageId ?? "",
      body: message.Body ?? "",
      receiveCount: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
    })),
  };
}

/** One record of the event that Lambda gives to the function. */
function recordOf(message: Message, queue: Queue): object {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: {},
    md5OfBody: message.MD5OfBody,
    eventSource: "aws:sqs",
    eventSourceARN: queue.arn,
    awsRegion: LOCAL_REGION,
  };
}
