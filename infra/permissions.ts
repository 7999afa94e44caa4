/**
 * Each function's permissions. No action is a wildcard; `resources: ["*"]` is used only for actions that AWS cannot
 * restrict to resources.
 */
import type { Archive } from "./archive.ts";
import type { FunctionName } from "./function-settings.ts";
import type { createQueues } from "./queues.ts";

type Queues = ReturnType<typeof createQueues>;
type LogGroup = InstanceType<typeof aws.cloudwatch.LogGroup>;

/** AWS's managed AWSLambdaBasicExecutionRole would allow access to every log group of the account. */
function writeLogs(logGroup: LogGroup) {
  return {
    actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
    resources: [$interpolate`${logGroup.arn}:*`],
  };
}

/** Like AWSLambdaVPCAccessExecutionRole, without permission to create log groups. Lambda itself requires "*". */
const ATTACH_TO_NETWORK = {
  actions: [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ],
  resources: ["*"],
};

/**
 * Allows reading and writing the archive, but no deletion. The permission to list is needed because S3 otherwise
 * answers "access denied" for a missing object.
 */
function writeArchive({ bucketArn, objectsArn }: Archive) {
  return [
    { actions: ["s3:GetObject", "s3:PutObject"], resources: [objectsArn] },
    { actions: ["s3:ListBucket"], resources: [bucketArn] },
  ];
}

export function permissionsOf(
  name: FunctionName,
  {
    queues: { repairs, deadLetters, checks },
    archive,
    logGroup,
    isInNetwork,
  }: {
    readonly queues: Queues;
    readonly archive: Archive | undefined;
    readonly logGroup: LogGroup;
    readonly isInNetwork: boolean;
  },
) {
  const send = { actions: ["sqs:SendMessage"], resources: [repairs.arn] };
  const own = {
    claim: [
      send,
      ...(checks === undefined
        ? []
        : [{ actions: ["sqs:GetQueueAttributes", "sqs:SendMessage"], resources: [checks.arn] }]),
    ],
    // Lambda's poller receives and deletes messages with the function's role; the function itself only returns messages
    // to the queue (ChangeMessageVisibility).
    repair: [
      {
        actions: [
          "sqs:ChangeMessageVisibility",
          "sqs:DeleteMessage",
          "sqs:GetQueueAttributes",
          "sqs:ReceiveMessage",
        ],
        resources: [repairs.arn],
      },
      ...(checks === undefined
        ? []
        : [
            {
              actions: ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
              resources: [checks.arn],
            },
          ]),
    ],
    reap: [
      send,
      { actions: ["sqs:DeleteMessage", "sqs:ReceiveMessage"], resources: [deadLetters.arn] },
      ...(archive === undefined ? [] : writeArchive(archive)),
    ],
  }[name];
  return [...own, writeLogs(logGroup), ...(isInNetwork ? [ATTACH_TO_NETWORK] : [])];
}
