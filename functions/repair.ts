import type { Context, SQSBatchItemFailure, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import type { Clock } from "../lib/clock/clock.ts";
import { type Environment, parseEnvironment, variablesOf } from "../lib/config/parse-environment.ts";
import type { RepairStep } from "../lib/jobs/repair/repair-dependencies.ts";
import { decodeCheckMessage, isCheckMessage } from "../lib/queue/check-message.ts";
import { boundedClient } from "../lib/queue/client-settings.ts";
import { decodeRepairMessage } from "../lib/queue/repair-message.ts";
import { returnDelaySeconds } from "../lib/queue/return-delay.ts";
import { failedMessage } from "../lib/telemetry/run-metrics.ts";
import { openRepairEnvironment, type RepairEnvironment } from "../lib/worker/open-repair-environment.ts";
import type { WorkerSettings } from "../lib/worker/worker-settings.ts";

/** Of each of two attempts: a queue that does not answer costs the message its early return, not the function its time. */
const LONGEST_RETURN_MS = 2_000;

export interface RepairHandlerOptions {
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** For the demo and tests. */
  readonly settings?: WorkerSettings;
  /** For the demo: one that may be wrong. */
  readonly clock?: Clock;
  /** For tests: called after every step that leaves a trace. */
  readonly step?: (name: RepairStep) => void | Promise<void>;
  /** Default: by SQS. */
  readonly giveBack?: (message: Returned) => Promise<void>;
}

/** A message that never began, and when it is to be received again. */
interface Returned {
  readonly queueUrl: string;
  readonly receiptHandle: string;
  readonly delaySeconds: number;
}

/**
 * Repairs the slab of each message, and makes the due checks of each batch. Only a message of a repair that never began (malformed,
 * database away) is reported as failed: it comes again, soon at first, and goes to the dead-letter queue in the end. What happens
 * after the beginning is in the database. A batch of checks that fails is not tried again: its sectors are due again when the claim
 * is over.
 */
export function createRepairHandler(options: RepairHandlerOptions = {}) {
  const { variables = process.env, giveBack = giveBackToQueue } = options;
  const open = (): RepairEnvironment & { readonly queueUrl: string; readonly indexer: string } => {
    // All of them first, so that all problems are named at once.
    const { SLABMEND_QUEUE_URL: queueUrl, SLABMEND_INDEXER: indexer } = parseEnvironment(
      variablesOf("repair"),
      variables,
    ) as Environment;
    const { settings, clock, step } = options;
    const chosen = { ...(settings && { settings }), ...(clock && { clock }), ...(step && { step }) };
    return { ...openRepairEnvironment({ variables, ...chosen }), queueUrl, indexer };
  };
  let environment: ReturnType<typeof open> | undefined;
  return async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    environment ??= open();
    const { logger, metrics, queueUrl, indexer } = environment;
    const batchItemFailures: SQSBatchItemFailure[] = [];
    const checks = event.Records.filter(({ body }) => isCheckMessage(body));
    await Promise.all(checks.map((record) => check(environment!, record)));
    for (const record of event.Records) {
      if (checks.includes(record)) continue;
      const { messageId, body, receiptHandle, attributes } = record;
      try {
        const task = decodeRepairMessage(body, indexer);
        const remainingMs = context.getRemainingTimeInMillis();
        await environment.repair(task, { id: `${context.awsRequestId}/${messageId}`, remainingMs });
      } catch (error) {
        logger.error({ error, messageId }, "a message could not be handled");
        metrics.print(failedMessage(error));
        batchItemFailures.push({ itemIdentifier: messageId });
        const delaySeconds = returnDelaySeconds(Number(attributes?.ApproximateReceiveCount), Math.random());
        await giveBack({ queueUrl, receiptHandle, delaySeconds }).catch((cause) => {
          logger.warn({ error: cause, messageId }, "a message comes back only after the visibility timeout");
        });
      }
    }
    return { batchItemFailures };
  };
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

/** Loaded when it is needed: hardly ever, and a repair process is to stay small. */
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
