import { randomBytes } from "node:crypto";
import type { Context, SQSBatchItemFailure, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { type Clock, systemClock } from "../lib/clock/clock.ts";
import { type Environment, parseEnvironment, variablesOf } from "../lib/config/parse-environment.ts";
import type { RepairStep } from "../lib/jobs/repair/repair-dependencies.ts";
import { decodeCheckMessage, isCheckMessage } from "../lib/queue/check-message.ts";
import { boundedClient } from "../lib/queue/client-settings.ts";
import { decodeRepairMessage } from "../lib/queue/repair-message.ts";
import { returnDelaySeconds } from "../lib/queue/return-delay.ts";
import { failedMessage } from "../lib/telemetry/run-metrics.ts";
import { openRepairEnvironment, type RepairEnvironment } from "../lib/worker/open-repair-environment.ts";
import { SelfCheck, whyUnfit } from "../lib/worker/self-check.ts";
import type { WorkerSettings } from "../lib/worker/worker-settings.ts";

/**
 * Time limit of each of the two attempts to return a message. If SQS does not answer, the message becomes visible late,
 * but the function's time is not used up.
 */
const LONGEST_RETURN_MS = 2_000;

export interface RepairHandlerOptions {
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** For the demo and tests. */
  readonly settings?: WorkerSettings;
  /** For the demo: a clock that may be wrong. */
  readonly clock?: Clock;
  /** For tests: called after every step with a lasting effect. */
  readonly step?: (name: RepairStep) => void | Promise<void>;
  /** Default: by SQS. */
  readonly giveBack?: (message: Returned) => Promise<void>;
  /** For tests. Default: ends the process, and Lambda starts another execution environment for the next message. */
  readonly end?: () => never;
}

interface OpenEnvironment extends RepairEnvironment {
  readonly queueUrl: string;
  readonly indexer: string;
  /** The execution environment's name in the journal: distinguishes its repairs from those of other environments. */
  readonly worker: string;
  readonly selfCheck: SelfCheck;
}

/** A message whose repair never began, and the delay until it is received again. */
interface Returned {
  readonly queueUrl: string;
  readonly receiptHandle: string;
  readonly delaySeconds: number;
}

/**
 * Repairs the slab of each message, and executes the due checks of each batch. Only a message whose repair never began,
 * because the message is malformed or the database is unavailable, is reported as failed. Such a message is received
 * again, soon at first, and finally goes to the dead-letter queue. Once a repair has begun, its message is done: the
 * database has the repair's result, or the commit failed and reap ends the lease. A failed batch of checks is not
 * retried: its sectors are due again when the claim expires.
 *
 * If an execution environment finds itself unfit (lib/worker/self-check.ts), it ends during the same invocation, as
 * soon as the repair is recorded. The message of that repair is received again, by another environment, and has no
 * effect because its lease has ended. No further message reaches the unfit environment.
 */
export function createRepairHandler(options: RepairHandlerOptions = {}) {
  const { variables = process.env, giveBack = giveBackToQueue, end = endProcess } = options;
  const { settings, clock = systemClock, step } = options;
  const open = (): OpenEnvironment => {
    // All variables are read first, so that all problems are reported together.
    const { SLABMEND_QUEUE_URL: queueUrl, SLABMEND_INDEXER: indexer } = parseEnvironment(
      variablesOf("repair"),
      variables,
    ) as Environment;
    const chosen = { clock, ...(settings && { settings }), ...(step && { step }) };
    const worker = `environment-${randomBytes(4).toString("hex")}`;
    const selfCheck = new SelfCheck();
    return { ...openRepairEnvironment({ variables, ...chosen }), queueUrl, indexer, worker, selfCheck };
  };
  let environment: OpenEnvironment | undefined;
  return async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    environment ??= open();
    const { logger, metrics, queueUrl, indexer, worker, selfCheck } = environment;
    const batchItemFailures: SQSBatchItemFailure[] = [];
    const checks = event.Records.filter(({ body }) => isCheckMessage(body));
    await Promise.all(checks.map((record) => check(environment!, record)));
    for (const record of event.Records) {
      if (checks.includes(record)) continue;
      const { messageId, body, receiptHandle, attributes } = record;
      let unfit: string | undefined;
      try {
        const task = decodeRepairMessage(body, indexer);
        const remainingMs = context.getRemainingTimeInMillis();
        const id = `${worker}/${context.awsRequestId}/${messageId}`;
        const result = await environment.repair(task, { id, remainingMs });
        const { slabId } = task;
        unfit = await whyUnfit(selfCheck, environment, { worker, slabId, result, nowMs: clock.now() });
      } catch (error) {
        logger.error({ error, messageId }, "a message could not be handled");
        metrics.print(failedMessage(error));
        batchItemFailures.push({ itemIdentifier: messageId });
        const delaySeconds = returnDelaySeconds(Number(attributes?.ApproximateReceiveCount), Math.random());
        await giveBack({ queueUrl, receiptHandle, delaySeconds }).catch((cause) => {
          logger.warn(
            { error: cause, messageId },
            "a message becomes visible again only after the visibility timeout",
          );
        });
      }
      if (unfit !== undefined) {
        logger.error(
          { code: "worker-unfit", reason: unfit },
          "this execution environment is unfit to repair and ends itself",
        );
        end();
      }
    }
    return { batchItemFailures };
  };
}

function endProcess(): never {
  process.exit(1);
}

async function check(
  { logger, metrics, indexer, ...environment }: RepairEnvironment & { readonly indexer: string },
  { messageId, body }: SQSRecord,
): Promise<void> {
  try {
    const batch = decodeCheckMessage(body, indexer);
    const sectors = await environment.check(batch);
    logger.info({ host: batch.hostId, sectors }, "due checks were made");
    metrics.print({ ChecksFailed: 0 });
  } catch (error) {
    logger.error(
      { error, messageId },
      "a batch of due checks failed; it is due again when its claim is over",
    );
    metrics.print({ ChecksFailed: 1 });
  }
}

/** Loads the SQS client on demand: it is rarely needed, and a repair process should stay small. */
async function giveBackToQueue({ queueUrl, receiptHandle, delaySeconds }: Returned): Promise<void> {
  const [{ SQSClient }, { returnMessage }] = await Promise.all([
    import("@aws-sdk/client-sqs"),
    import("../lib/queue/return-message.ts"),
  ]);
  const client = new SQSClient(boundedClient(LONGEST_RETURN_MS));
  try {
    await returnMessage({ client, queueUrl }, receiptHandle, delaySeconds);
  } finally {
    client.destroy();
  }
}

export const handler = createRepairHandler();
