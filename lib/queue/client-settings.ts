import type { SQSClientConfig } from "@aws-sdk/client-sqs";

/** Of claim and reap, which wait for at most a second for messages: two silences leave most of a minute for what comes after. */
export const FUNCTION_ANSWER_MS = 8_000;
/** Of commands and machines of one's own, which wait for messages for five seconds. */
export const COMMAND_ANSWER_MS = 20_000;

/**
 * Bounds how long an SQS that says nothing is waited for; the SDK alone would wait for ever. Its `requestTimeout` by itself
 * only prints a warning. Asked a second time: sending and deleting twice are harmless, and what a lost receive took comes back.
 */
export function boundedClient(answerMs: number): Pick<SQSClientConfig, "maxAttempts" | "requestHandler"> {
  return {
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: Math.min(3_000, answerMs),
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
    },
  };
}
