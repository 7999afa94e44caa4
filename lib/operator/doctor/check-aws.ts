import { InvokeCommand } from "@aws-sdk/client-lambda";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { awsUnavailable, createLambdaClient, createSqsClient } from "../aws-clients.ts";
import type { CommandContext } from "../command-context.ts";
import { FUNCTION_VARIABLES } from "../function-variables.ts";
import type { OperatorError } from "../operator-error.ts";
import { type Check, failure, ok, skipped, warning } from "./check.ts";

const QUEUES = {
  queue: "SLABMEND_QUEUE_URL",
  "dead-letter queue": "SLABMEND_DEAD_LETTER_QUEUE_URL",
} as const;

/** Asks queues and functions without sending, receiving or running anything. */
export async function checkAws(
  variables: CommandContext["variables"],
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
        : skipped(`function ${name}`, `${variable} is not set`),
    );
  }
  return checks;
}

async function checkQueue(
  name: string,
  url: string,
  variables: CommandContext["variables"],
  signal: AbortSignal,
): Promise<Check> {
  const client = createSqsClient(variables, url);
  try {
    const { Attributes: attributes = {} } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }),
      { abortSignal: signal },
    );
    const counts = `${attributes["ApproximateNumberOfMessages"]} messages, ${attributes["ApproximateNumberOfMessagesNotVisible"]} in flight`;
    if (name === "queue" && attributes["RedrivePolicy"] === undefined) {
      return warning(
        name,
        `${counts}, but no dead-letter queue behind it: a malformed message would go round for ever`,
        "Deploy it with `npx sst deploy`, or give it a redrive policy of 5 receives.",
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
  const client = createLambdaClient(variables);
  try {
    await client.send(new InvokeCommand({ FunctionName: functionName, InvocationType: "DryRun" }), {
      abortSignal: signal,
    });
    return ok(`function ${name}`, `${functionName} is there and may be invoked from here`);
  } catch (cause) {
    return failed(`function ${name}`, awsUnavailable(`invoke ${functionName}`, cause), signal);
  } finally {
    client.destroy();
  }
}

function failed(name: string, error: OperatorError, signal: AbortSignal): Check {
  signal.throwIfAborted();
  return failure(name, error.message, error.remedy);
}
