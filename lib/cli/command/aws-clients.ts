import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { OperatorError } from "../../errors/operator-error.ts";
import { boundedClient, COMMAND_ANSWER_MS } from "../../queue/client-settings.ts";
import type { CommandContext } from "./command-context.ts";

type Variables = CommandContext["variables"];

/**
 * Clients configured from the command's own variables, so that --variables-file applies to them too. If these variables
 * set no credentials or no region, the SDK looks for them as usual (in a profile, a role or a configuration file).
 */
export async function createSqsClient(variables: Variables, queueUrl?: string): Promise<SQSClient> {
  const { SQSClient } = await importForAws("@aws-sdk/client-sqs", () => import("@aws-sdk/client-sqs"));
  const region = queueUrl && regionOfQueue(queueUrl);
  return new SQSClient({ ...settings(variables, "SQS", region), ...boundedClient(COMMAND_ANSWER_MS) });
}

/** @param answerMs timeout of a call; the default suits queries about functions, which AWS answers at once */
export async function createLambdaClient(
  variables: Variables,
  answerMs = COMMAND_ANSWER_MS,
): Promise<LambdaClient> {
  const { LambdaClient } = await importForAws(
    "@aws-sdk/client-lambda",
    () => import("@aws-sdk/client-lambda"),
  );
  return new LambdaClient({ ...settings(variables, "LAMBDA", undefined), ...boundedClient(answerMs) });
}

function settings(variables: Variables, service: "SQS" | "LAMBDA", urlRegion: string | undefined) {
  const endpoint = variables[`AWS_ENDPOINT_URL_${service}`] ?? variables["AWS_ENDPOINT_URL"];
  const region = urlRegion ?? variables["AWS_REGION"] ?? variables["AWS_DEFAULT_REGION"];
  const accessKeyId = variables["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = variables["AWS_SECRET_ACCESS_KEY"];
  const sessionToken = variables["AWS_SESSION_TOKEN"];
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : {
          credentials: {
            accessKeyId,
            secretAccessKey,
            ...(sessionToken === undefined ? {} : { sessionToken }),
          },
        }),
  };
}

/** A queue's URL contains the region, and the queue exists only in that region. */
function regionOfQueue(queueUrl: string): string | undefined {
  return /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?\//.exec(queueUrl)?.[1];
}

/**
 * Loads a package of the AWS SDK. The published slabmend comes without these packages: a server has no use for their 25
 * MB.
 * @throws {OperatorError} `aws-package-missing`
 */
export async function importForAws<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    throw new OperatorError({
      code: "aws-package-missing",
      message: `AWS: expected the package ${name} to be installed, but it is not`,
      remedy: `Run npm install ${name} where slabmend is installed, or work without AWS: slabmend work --from-database.`,
      cause,
    });
  }
}

/**
 * The error for a failed AWS call. It repeats AWS's message, which names the refused action and the identity, but no
 * secret.
 */
export function awsUnavailable(doing: string, cause: unknown): OperatorError {
  const { name, message } = cause instanceof Error ? cause : { name: "unknown", message: "" };
  return new OperatorError({
    code: "aws-unavailable",
    message: `could not ${doing}: ${name}${message === "" ? "" : `: ${message}`}`,
    remedy:
      "Check AWS_REGION, the credentials (aws sts get-caller-identity), their permissions, and the function's name or queue's URL.",
    cause,
  });
}
