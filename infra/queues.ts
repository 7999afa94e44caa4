import {
  CHECK_RETENTION_SECONDS,
  DEAD_LETTER_RETENTION_SECONDS,
  LONG_POLL_SECONDS,
  MESSAGE_RETENTION_SECONDS,
  MOST_RECEIVES,
  VISIBILITY_TIMEOUT_SECONDS,
} from "./limits.ts";
import type { IndexerNames } from "./names.ts";
import type { StageSettings } from "./settings.ts";

/**
 * The repair queue, its dead-letter queue, and with SLABMEND_VERIFY=due a queue of due checks, so that no repair waits
 * behind checks. No queue has a policy: access is granted only by IAM.
 */
export function createQueues(names: IndexerNames, settings: StageSettings) {
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
  // This policy of the dead-letter queue is a separate resource, because otherwise each of the two queues would have to
  // exist before the other.
  new aws.sqs.RedriveAllowPolicy(names.resource("DeadLettersRedriveAllow"), {
    queueUrl: deadLetters.url,
    redriveAllowPolicy: $jsonStringify({ redrivePermission: "byQueue", sourceQueueArns: [repairs.arn] }),
  });
  return {
    repairs,
    deadLetters,
    checks: settings.SLABMEND_VERIFY === "due" ? createChecks(names) : undefined,
  };
}

/**
 * The queue of checks has no dead-letter queue: checks that were not made are due again when their claim ends, and
 * their message has expired by then.
 */
function createChecks(names: IndexerNames) {
  return new sst.aws.Queue(names.resource("Checks"), {
    visibilityTimeout: `${CHECK_RETENTION_SECONDS} seconds`,
    transform: {
      queue: {
        messageRetentionSeconds: CHECK_RETENTION_SECONDS,
        receiveWaitTimeSeconds: LONG_POLL_SECONDS,
        sqsManagedSseEnabled: true,
      },
    },
  });
}
