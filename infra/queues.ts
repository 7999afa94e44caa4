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
 * The queue of repairs, where its messages go that were received too often, and with SLABMEND_VERIFY=due the queue of due checks, so
 * that no repair waits behind checks. None has a policy: only IAM opens them.
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
  // Of its own, because each of the two queues would otherwise have to exist before the other.
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

/** Without dead letters: what no one took is due again when its claim is over, and its message is gone then. */
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
