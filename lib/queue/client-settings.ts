import type { SQSClientConfig } from "@aws-sdk/client-sqs";

/**
 * For claim and reap, which wait at most a second for messages. A run of them may take 55 s; even if a request and its
 * retry both time out, this takes only 16 s.
 */
export const FUNCTION_ANSWER_MS = 8_000;
/** For commands and self-hosted workers, which wait five seconds for messages. */
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
