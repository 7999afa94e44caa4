import {
  DEAD_LETTER_RETENTION_SECONDS,
  LONG_POLL_SECONDS,
  MESSAGE_RETENTION_SECONDS,
  MOST_RECEIVES,
  VISIBILITY_TIMEOUT_SECONDS,
} from "./limits.ts";
import type { IndexerNames } from "./names.ts";

/** The queue of repairs, and where its messages go that were received too often. Neither has a policy: only IAM opens them. */
export function createQueues(names: IndexerNames) {
  const deadLetters = new sst.aws.Queue(names.resource("DeadLetters"), {
    transform: {
      queue: { messageRetentionSeconds: DEAD_LETTER_RETENTION_SECONDS, sqsManagedSseEnabled: true },
    },
  });
  const repairs = new sst.aws.Queue(names.resource("Repairs"), {
    visibilityTimeout: `${VISIBILITY_TIMEOUT_SECONDS} seconds`,
    dlq: { queue: deadLetters.arn, retry: MOST_RECEIVES },
    transform: {
      queue: {
        messageRetentionSeconds: MESSAGE_RETENTION_SECONDS,
        receiveWaitTimeSeconds: LONG_POLL_SECONDS,
        sqsManagedSseEnabled: true,
      },
    },
  });
  // Of its own, because each of the two queues would otherwise have to exist before the other.
  new aws.sqs.RedriveAllowPolicy(names.resource("DeadLettersRedriveAllow"), {
    queueUrl: deadLetters.url,
    redriveAllowPolicy: $jsonStringify({ redrivePermission: "byQueue", sourceQueueArns: [repairs.arn] }),
  });
  return { repairs, deadLetters };
}
