import type { SQSClientConfig } from "@aws-sdk/client-sqs";

/**
 * How long claim and reap wait for SQS to answer. SQS itself waits at most a second for messages before it answers. If
 * a request and its retry both time out, they take 16 s of the 55 s that a run may take.
 */
export const FUNCTION_ANSWER_MS = 8_000;
/**
 * How long commands and self-hosted workers wait for SQS to answer. SQS itself waits up to five seconds for messages
 * before it answers.
 */
export const COMMAND_ANSWER_MS = 20_000;

/**
 * Caps the wait for an unresponsive SQS; the SDK's default is to wait forever, and its `requestTimeout` alone only
 * prints a warning. Requests are retried once: sending or deleting a message twice is harmless, and if the answer to a
 * receive is lost, its messages become visible again.
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
