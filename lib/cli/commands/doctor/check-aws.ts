import type { OperatorError } from "../../../errors/operator-error.ts";
import { awsUnavailable, createLambdaClient, createSqsClient } from "../../command/aws-clients.ts";
import type { CommandContext } from "../../command/command-context.ts";
import { FUNCTION_VARIABLES } from "../../command/function-variables.ts";
import { type Check, failure, ok, skipped, warning } from "./check.ts";

const QUEUES = {
  queue: "SLABMEND_QUEUE_URL",
  "dead-letter-queue": "SLABMEND_DEAD_LETTER_QUEUE_URL",
} as const;

/** Checks queues and functions without sending, receiving or running anything. */
export async function checkAws(
  variables: CommandContext["variables"],
  concurrency: number,
  signal: AbortSignal,
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [name, variable] of Object.entries(QUEUES)) {
    const url = variables[variable];
    checks.push(
      url ? await checkQueue(name, url, variables, signal) : skipped(name, `${variable} is not set`),
    );
  }
  for (const [name, variable] of Object.entries(FUNCTION_VARIABLES)) {
    const functionName = variables[variable];
    checks.push(
      functionName
        ? await checkFunction(name, functionName, variables, signal)
        : skipped(`function-${name}`, `${variable} is not set`),
    );
  }
  const repair = variables[FUNCTION_VARIABLES.repair];
  checks.push(
    repair
      ? await checkMapping(repair, { variables, concurrency, signal })
      : skipped(MAPPING, `${FUNCTION_VARIABLES.repair} is not set`),
  );
  return checks;
}

const MAPPING = "mapping";

/** Checks whether the queue's messages reach the repair function, and how many of them it may process at once. */
async function checkMapping(
  functionName: string,
  options: {
    readonly variables: CommandContext["variables"];
    readonly concurrency: number;
    readonly signal: AbortSignal;
  },
): Promise<Check> {
  const client = await createLambdaClient(options.variables);
  const { ListEventSourceMappingsCommand } = await import("@aws-sdk/client-lambda");
  try {
    const { EventSourceMappings: mappings = [] } = await client.send(
      new ListEventSourceMappingsCommand({ FunctionName: functionName }),
      { abortSignal: options.signal },
    );
    const url = options.variables[QUEUES.queue];
    // Both ARNs and URLs end with the queue's name.
    const queueName = url === undefined ? undefined : new URL(url).pathname.split("/").at(-1);
    return judgeMapping(
      mappings
        .filter(({ EventSourceArn: arn = "" }) => queueName === undefined || arn.endsWith(`:${queueName}`))
        .map(({ State, ScalingConfig }) => ({
          state: State,
          maximumConcurrency: ScalingConfig?.MaximumConcurrency,
        })),
      options.concurrency,
    );
  } catch (cause) {
    return failed(MAPPING, awsUnavailable(`list what invokes ${functionName}`, cause), options.signal);
  } finally {
    client.destroy();
  }
}

/** Pure. */
function judgeMapping(
  mappings: readonly {
    readonly state: string | undefined;
    readonly maximumConcurrency: number | undefined;
  }[],
  concurrency: number,
): Check {
  const deploy = "Deploy it with `npx sst deploy`.";
  const [mapping, ...others] = mappings;
  if (mapping === undefined) {
    return failure(MAPPING, "no mapping takes messages from the queue to the repair function", deploy);
  }
  if (others.length > 0) {
    return warning(
      MAPPING,
      `${mappings.length} mappings take messages to the repair function, expected one`,
      deploy,
    );
  }
  const { state = "unknown", maximumConcurrency: most } = mapping;
  if (!/^(Enabled|Enabling|Creating|Updating)$/.test(state)) {
    return failure(
      MAPPING,
      `the queue's mapping to the repair function is ${state}, expected Enabled`,
      "Enable the mapping in AWS's console, or deploy again. If it was disabled to stop the fleet, use slabmend pause instead.",
    );
  }
  if (most === undefined) {
    return warning(
      MAPPING,
      "enabled, but without a maximum concurrency: nothing limits how many environments AWS starts, and each connects to the database",
      deploy,
    );
  }
  return most === concurrency
    ? ok(MAPPING, `enabled, ${most} simultaneous repairs`)
    : warning(
        MAPPING,
        `enabled, with ${most} simultaneous repairs, but the other checks assumed ${concurrency}`,
        `Run doctor and grant with --concurrency ${most}, or set SLABMEND_REPAIR_CONCURRENCY to the deployed value.`,
      );
}

async function checkQueue(
  name: string,
  url: string,
  variables: CommandContext["variables"],
  signal: AbortSignal,
): Promise<Check> {
  const client = await createSqsClient(variables, url);
  const { GetQueueAttributesCommand } = await import("@aws-sdk/client-sqs");
  try {
    const { Attributes: attributes = {} } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }),
      { abortSignal: signal },
    );
    const counts = `${attributes["ApproximateNumberOfMessages"]} messages, ${attributes["ApproximateNumberOfMessagesNotVisible"]} in flight`;
    if (name === "queue" && attributes["RedrivePolicy"] === undefined) {
      return warning(
        name,
        `${counts}, but the queue has no dead-letter queue: a malformed message would be delivered forever`,
        "Deploy the queue with `npx sst deploy`, or give it a redrive policy with maxReceiveCount 5.",
      );
    }
    return ok(name, counts);
  } catch (cause) {
    return failed(name, awsUnavailable("read the queue's attributes", cause), signal);
  } finally {
    client.destroy();
  }
}

async function checkFunction(
  name: string,
  functionName: string,
  variables: CommandContext["variables"],
  signal: AbortSignal,
): Promise<Check> {
  const client = await createLambdaClient(variables);
  const { InvokeCommand } = await import("@aws-sdk/client-lambda");
  try {
    await client.send(new InvokeCommand({ FunctionName: functionName, InvocationType: "DryRun" }), {
      abortSignal: signal,
    });
    return ok(`function-${name}`, `${functionName} exists and may be invoked from here`);
  } catch (cause) {
    return failed(`function-${name}`, awsUnavailable(`invoke ${functionName}`, cause), signal);
  } finally {
    client.destroy();
  }
}

function failed(name: string, error: OperatorError, signal: AbortSignal): Check {
  signal.throwIfAborted();
  return failure(name, error.message, error.remedy);
}
