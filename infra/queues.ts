import { MOST_RECEIVES, VISIBILITY_TIMEOUT_SECONDS } from "./limits.ts";

/** The queue of repairs, and where its messages go that were received too often. */
export function createQueues() {
  const deadLetters = new sst.aws.Queue("DeadLetters", {
    transform: {
      // Fourteen days, SQS's most: reap drains it every minute, so what stays means that reap does not run.
      queue: { messageRetentionSeconds: 1_209_600, sqsManagedSseEnabled: true },
    },
  });
  const repairs = new sst.aws.Queue("Repairs", {
    visibilityTimeout: `${VISIBILITY_TIMEOUT_SECONDS} seconds`,
    dlq: { queue: deadLetters.arn, retry: MOST_RECEIVES },
    transform: { queue: { receiveWaitTimeSeconds: 20, sqsManagedSseEnabled: true } },
  });
  return { repairs, deadLetters };
}
