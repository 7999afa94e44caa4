import type { Context, SQSBatchItemFailure, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { decodeRepairMessage } from "../lib/queue/repair-message.ts";
import { openRepairEnvironment, type RepairEnvironment } from "../lib/repair/open-repair-environment.ts";
import type { RepairStep } from "../lib/repair/repair-dependencies.ts";
import { repairMetrics } from "../lib/telemetry/repair-metrics.ts";
import { failedMessage } from "../lib/telemetry/run-metrics.ts";

export interface RepairHandlerOptions {
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** For tests: called after every step that leaves a trace. */
  readonly step?: (name: RepairStep) => void | Promise<void>;
}

/**
 * Repairs the slab of each message. Only a message that never began (malformed, database away) is reported as failed: it comes
 * again, and goes to the dead-letter queue in the end. Whatever happens after the beginning is in the database.
 */
export function createRepairHandler(options: RepairHandlerOptions = {}) {
  let environment: RepairEnvironment | undefined;
  return async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    environment ??= openRepairEnvironment({ variables: process.env, ...options });
    const { logger, metrics } = environment;
    const batchItemFailures: SQSBatchItemFailure[] = [];
    for (const { messageId, body } of event.Records) {
      try {
        const task = decodeRepairMessage(body);
        const remainingMs = context.getRemainingTimeInMillis();
        const result = await environment.repair(task, {
          id: `${context.awsRequestId}/${messageId}`,
          remainingMs,
        });
        logger.info({ slab: String(task.slabId), ...result }, "a repair ended");
        metrics.print({ Repairs: 1 }, { outcome: result.kind });
        metrics.print({ ...repairMetrics(result), MessagesFailed: 0 });
      } catch (error) {
        logger.error({ error, messageId }, "a message could not be handled");
        metrics.print(failedMessage(error));
        batchItemFailures.push({ itemIdentifier: messageId });
      }
    }
    return { batchItemFailures };
  };
}

export const handler = createRepairHandler();
