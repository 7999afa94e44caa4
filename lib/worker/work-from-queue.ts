/**
 * Work for a fleet's queue: as many long polls as workers, each with one message at a time. A message is deleted when
 * its repair has ended, with any outcome. If the repair never began, or its worker crashed, the message stays in the
 * queue and becomes visible again. After several receives SQS moves it to the dead letters, as for the Lambda function.
 */
import type { Message, SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";
import type { Clock } from "../clock/clock.ts";
import { sleep } from "../clock/sleep.ts";
import { decodeRepairMessage } from "../queue/repair-message.ts";
import { returnDelaySeconds } from "../queue/return-delay.ts";
import type { Logger } from "../telemetry/logger.ts";
import { RepeatedLines } from "../telemetry/repeated-lines.ts";
import { pauseAfterErrorsMs } from "./pause-after-errors.ts";
import type { WorkerPool } from "./worker-pool.ts";
import type { WorkEnd } from "./worker-slot.ts";

export interface QueueWork {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly indexer: string;
  readonly pool: WorkerPool;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onEnd: (end: WorkEnd) => void;
  readonly signal: AbortSignal;
}

/**
 * How long a poll waits for a message. A poll is never cancelled: a message that SQS delivered at the moment of the
 * cancel would be invisible for a visibility timeout. So an idle worker takes up to this long to end.
 */
const WAIT_SECONDS = 5;

/** Resolves when the signal has aborted and every poll and every repair has ended. */
export async function workFromQueue(work: QueueWork): Promise<void> {
  const lines = new RepeatedLines(work.clock);
  const pollers = Array.from({ length: work.concurrency }, () => poll(work, lines));
  await new Promise<void>((resolve) => {
    if (work.signal.aborted) resolve();
    work.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.all(pollers.map((stop) => stop()));
}

function poll(work: QueueWork, lines: RepeatedLines): () => Promise<void> {
  const { client, queueUrl, indexer, pool, clock, signal } = work;
  // Consecutive failures: failed receives, and messages whose repair could not begin because the database was
  // unavailable.
  let failures = 0;
  const warn = (error: Error, text: string): void => {
    const said = lines.note(text, error);
    if (said !== undefined) work.logger.warn({ error, ...said }, text);
  };
  // A promise that is settled while no poll or message is in progress.
  let resting = Promise.resolve();
  let rest = (): void => {};
  const consumer = Consumer.create({
    sqs: client,
    queueUrl,
    batchSize: 1,
    waitTimeSeconds: WAIT_SECONDS,
    pollingWaitTimeMs: 0,
    // The library pauses after some errors only; our own pause, in preReceiveMessageCallback, follows all errors.
    authenticationErrorTimeout: 1,
    messageSystemAttributeNames: ["ApproximateReceiveCount"],
    // The delay until a message is visible again if its handler throws, because this process is ending or because the
    // repair could not begin.
    terminateVisibilityTimeout: ([message]) =>
      signal.aborted
        ? 0
        : returnDelaySeconds(Number(message?.Attributes?.ApproximateReceiveCount), Math.random()),
    preReceiveMessageCallback: async () => {
      if (failures > 0) {
        await sleep(clock, pauseAfterErrorsMs(failures, work.concurrency, Math.random()), signal);
      }
      signal.throwIfAborted();
      resting = new Promise((resolve) => {
        rest = resolve;
      });
    },
    handleMessage: async (message: Message) => {
      // The message was received while this process is ending: leave it to another worker.
      if (signal.aborted) throw new Error("ending");
      const end = await pool.run(decodeRepairMessage(message.Body ?? "", indexer));
      work.onEnd(end);
      if (end.kind === "not-begun") {
        failures += 1;
        throw Object.assign(new Error(`not begun: ${end.code}`), { code: end.code });
      }
      failures = 0;
      return end.kind === "ended" ? message : undefined;
    },
  });
  consumer.on("empty", () => {
    failures = 0;
    rest();
  });
  consumer.on("response_processed", () => rest());
  consumer.on("processing_error", (error) => warn(error, "a message could not be handled"));
  consumer.on("error", (error) => {
    if (!signal.aborted) {
      failures += 1;
      warn(error, "the queue could not be used; trying again");
    }
    rest();
  });
  consumer.start();
  return async () => {
    consumer.stop();
    await resting;
  };
}
