/** How each type of resource is created by AWS's own operations, from the inputs that Pulumi would pass on. */
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  type IAMClient,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  type LambdaClient,
  PutFunctionEventInvokeConfigCommand,
  type Runtime,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  type SchedulerClient,
} from "@aws-sdk/client-scheduler";
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import * as v from "valibot";
import { isSecret } from "../../infra/support/read-graph.ts";

export interface Clients {
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  readonly scheduler: SchedulerClient;
  readonly iam: IAMClient;
}

export interface Created {
  /** The resource's identifier in AWS's operations: a queue's URL, a function's name, a mapping's UUID. */
  readonly id: string;
  readonly arn: string;
  remove(): Promise<void>;
}

export interface Tools {
  readonly clients: Clients;
  /** The functions' zip files, by SST's name of the function. */
  readonly zipFiles: ReadonlyMap<string, Buffer>;
  readonly hasBatchRights: boolean;
}

export type Builder = (inputs: Readonly<Record<string, unknown>>, tools: Tools) => Promise<Created>;

/** Reads inputs; an input that is not in the schema is an error. */
function builder<Schema extends v.ObjectEntries>(
  entries: Schema,
  create: (inputs: v.InferOutput<v.StrictObjectSchema<Schema, undefined>>, tools: Tools) => Promise<Created>,
): Builder {
  const schema = v.strictObject(entries);
  return async (inputs, tools) => create(v.parse(schema, inputs), tools);
}

const number = v.number();
const string = v.string();
const none = async (): Promise<void> => {};

const queue = builder(
  {
    name: string,
    visibilityTimeoutSeconds: number,
    messageRetentionSeconds: number,
    delaySeconds: number,
    sqsManagedSseEnabled: v.boolean(),
    receiveWaitTimeSeconds: v.optional(number),
    redrivePolicy: v.optional(string),
    // contentBasedDeduplication and fifoQueue are true only for FIFO queues, which the fleet does not have.
    contentBasedDeduplication: v.literal(false),
    fifoQueue: v.literal(false),
  },
  async (inputs, { clients: { sqs } }) => {
    const attributes = {
      VisibilityTimeout: String(inputs.visibilityTimeoutSeconds),
      MessageRetentionPeriod: String(inputs.messageRetentionSeconds),
      DelaySeconds: String(inputs.delaySeconds),
      SqsManagedSseEnabled: String(inputs.sqsManagedSseEnabled),
      ...(inputs.receiveWaitTimeSeconds === undefined
        ? {}
        : { ReceiveMessageWaitTimeSeconds: String(inputs.receiveWaitTimeSeconds) }),
      ...(inputs.redrivePolicy === undefined ? {} : { RedrivePolicy: inputs.redrivePolicy }),
    };
    const made = await sqs.send(new CreateQueueCommand({ QueueName: inputs.name, Attributes: attributes }));
    const id = made.QueueUrl ?? "";
    const found = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: id, AttributeNames: ["QueueArn"] }),
    );
    return {
      id,
      arn: found.Attributes?.QueueArn ?? "",
      remove: async () => void (await sqs.send(new DeleteQueueCommand({ QueueUrl: id }))),
    };
  },
);

const redriveAllowPolicy = builder(
  { queueUrl: string, redriveAllowPolicy: string },
  async (inputs, { clients: { sqs } }) => {
    const Attributes = { RedriveAllowPolicy: inputs.redriveAllowPolicy };
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: inputs.queueUrl, Attributes }));
    return { id: inputs.queueUrl, arn: "", remove: none };
  },
);

/** test/infra represents a policy by its statements. */
const statements = v.pipe(
  string,
  v.parseJson(),
  v.array(
    v.strictObject({
      actions: v.array(string),
      resources: v.array(string),
      effect: v.optional(v.literal("Allow")),
    }),
  ),
);

const BATCHED = new Set(["sqs:SendMessage", "sqs:DeleteMessage"]);
const withBatchRight = (action: string): string[] =>
  BATCHED.has(action) ? [action, `${action}Batch`] : [action];

const role = builder(
  {
    name: string,
    assumeRolePolicy: v.looseObject({}),
    inlinePolicies: v.array(v.strictObject({ name: string, policy: statements })),
    managedPolicyArns: v.optional(v.array(string), []),
  },
  async (inputs, { clients: { iam }, hasBatchRights }) => {
    const RoleName = inputs.name;
    if (inputs.managedPolicyArns.length > 0) throw new Error(`${RoleName}: managed policies are not built`);
    const made = await iam.send(
      new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(inputs.assumeRolePolicy) }),
    );
    for (const { name, policy } of inputs.inlinePolicies) {
      const Statement = policy.map(({ actions, resources }) => ({
        Effect: "Allow",
        Action: hasBatchRights ? actions.flatMap(withBatchRight) : actions,
        Resource: resources,
      }));
      const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
      await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: name, PolicyDocument }));
    }
    return {
      id: RoleName,
      arn: made.Role?.Arn ?? "",
      async remove() {
        for (const { name } of inputs.inlinePolicies) {
          await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: name }));
        }
        await iam.send(new DeleteRoleCommand({ RoleName }));
      },
    };
  },
);

/**
 * A function's variables. If a variable is secret, Pulumi wraps the whole set of variables in one secret, which is
 * unwrapped here.
 */
const unwrapped = v.pipe(
  v.unknown(),
  v.transform((value) => (isSecret(value) ? (value as { value: unknown }).value : value)),
  v.strictObject({ variables: v.record(string, string) }),
);

const lambdaFunction = builder(
  {
    name: string,
    description: string,
    role: string,
    runtime: string,
    handler: string,
    architectures: v.tuple([v.picklist(["x86_64", "arm64"])]),
    memorySize: number,
    timeout: number,
    environment: unwrapped,
    ephemeralStorage: v.strictObject({ size: number }),
    loggingConfig: v.strictObject({ logFormat: v.picklist(["JSON", "Text"]), logGroup: string }),
    packageType: v.literal("Zip"),
    publish: v.boolean(),
    s3Bucket: string,
    s3Key: string,
  },
  async (inputs, { clients: { lambda }, zipFiles }) => {
    // "assets/Claim-code-HASH.zip", made from artifacts/Claim/code.zip
    const zipFile = zipFiles.get(/([^/]+)-code-[0-9a-f]+\.zip$/.exec(inputs.s3Key)?.[1] ?? "");
    if (zipFile === undefined) throw new Error(`${inputs.name}: there is no zip file for ${inputs.s3Key}`);
    const made = await lambda.send(
      new CreateFunctionCommand({
        FunctionName: inputs.name,
        Description: inputs.description,
        Role: inputs.role,
        Runtime: inputs.runtime as Runtime,
        Handler: inputs.handler,
        Architectures: [...inputs.architectures],
        MemorySize: inputs.memorySize,
        Timeout: inputs.timeout,
        Environment: { Variables: inputs.environment.variables },
        EphemeralStorage: { Size: inputs.ephemeralStorage.size },
        LoggingConfig: {
          LogFormat: inputs.loggingConfig.logFormat,
          LogGroup: inputs.loggingConfig.logGroup,
        },
        PackageType: inputs.packageType,
        Publish: inputs.publish,
        Code: { ZipFile: zipFile },
      }),
    );
    const FunctionName = inputs.name;
    await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60 }, { FunctionName });
    return {
      id: FunctionName,
      arn: made.FunctionArn ?? "",
      remove: async () => void (await lambda.send(new DeleteFunctionCommand({ FunctionName }))),
    };
  },
);

const eventInvokeConfig = builder(
  { functionName: string, maximumEventAgeInSeconds: number, maximumRetryAttempts: number },
  async (inputs, { clients: { lambda } }) => {
    const FunctionName = inputs.functionName;
    await lambda.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName,
        MaximumEventAgeInSeconds: inputs.maximumEventAgeInSeconds,
        MaximumRetryAttempts: inputs.maximumRetryAttempts,
      }),
    );
    // Nothing to remove: AWS deletes the configuration together with its function.
    return { id: FunctionName, arn: "", remove: none };
  },
);

const eventSourceMapping = builder(
  {
    eventSourceArn: string,
    functionName: string,
    batchSize: number,
    maximumBatchingWindowInSeconds: number,
    functionResponseTypes: v.array(v.literal("ReportBatchItemFailures")),
    scalingConfig: v.strictObject({ maximumConcurrency: number }),
  },
  async (inputs, { clients: { lambda } }) => {
    const { UUID = "", EventSourceMappingArn = "" } = await lambda.send(
      new CreateEventSourceMappingCommand({
        EventSourceArn: inputs.eventSourceArn,
        FunctionName: inputs.functionName,
        BatchSize: inputs.batchSize,
        MaximumBatchingWindowInSeconds: inputs.maximumBatchingWindowInSeconds,
        FunctionResponseTypes: inputs.functionResponseTypes,
        ScalingConfig: { MaximumConcurrency: inputs.scalingConfig.maximumConcurrency },
      }),
    );
    return {
      id: UUID,
      arn: EventSourceMappingArn,
      remove: async () => void (await lambda.send(new DeleteEventSourceMappingCommand({ UUID }))),
    };
  },
);

const schedule = builder(
  {
    name: string,
    scheduleExpression: string,
    state: v.picklist(["ENABLED", "DISABLED"]),
    flexibleTimeWindow: v.strictObject({ mode: v.literal("OFF") }),
    target: v.strictObject({
      arn: string,
      roleArn: string,
      input: string,
      retryPolicy: v.strictObject({ maximumRetryAttempts: number }),
    }),
  },
  async (inputs, { clients: { scheduler } }) => {
    const { arn: Arn, roleArn: RoleArn, input: Input, retryPolicy } = inputs.target;
    const Name = inputs.name;
    const { ScheduleArn = "" } = await scheduler.send(
      new CreateScheduleCommand({
        Name,
        ScheduleExpression: inputs.scheduleExpression,
        State: inputs.state,
        FlexibleTimeWindow: { Mode: inputs.flexibleTimeWindow.mode },
        Target: {
          Arn,
          RoleArn,
          Input,
          RetryPolicy: { MaximumRetryAttempts: retryPolicy.maximumRetryAttempts },
        },
      }),
    );
    return {
      id: Name,
      arn: ScheduleArn,
      remove: async () => void (await scheduler.send(new DeleteScheduleCommand({ Name }))),
    };
  },
);

export const BUILDERS = {
  "aws:sqs/queue:Queue": queue,
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": redriveAllowPolicy,
  "aws:iam/role:Role": role,
  "aws:lambda/function:Function": lambdaFunction,
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": eventInvokeConfig,
  "aws:lambda/eventSourceMapping:EventSourceMapping": eventSourceMapping,
  "aws:scheduler/schedule:Schedule": schedule,
} as const satisfies Record<string, Builder>;
