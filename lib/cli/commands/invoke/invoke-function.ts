import type { LambdaClient } from "@aws-sdk/client-lambda";
import { OperatorError } from "../../../errors/operator-error.ts";
import { awsUnavailable } from "../../command/aws-clients.ts";

/** A run's report has a few hundred bytes; a far larger answer is not a report. */
const MAX_REPORT_BYTES = 65_536;

/**
 * Runs a function now and waits for its report.
 * @throws {OperatorError} `aws-unavailable`, or `function-failed` with the error that the function threw
 */
export async function invokeFunction(
  client: LambdaClient,
  functionName: string,
  signal: AbortSignal,
): Promise<unknown> {
  const { InvokeCommand } = await import("@aws-sdk/client-lambda");
  const answer = await client
    .send(new InvokeCommand({ FunctionName: functionName, Payload: "{}" }), { abortSignal: signal })
    .catch((cause: unknown) => {
      signal.throwIfAborted();
      throw awsUnavailable(`invoke ${functionName}`, cause);
    });
  const payload = answer.Payload ?? new Uint8Array();
  const report = payload.length > MAX_REPORT_BYTES ? undefined : parse(Buffer.from(payload).toString("utf8"));
  if (answer.FunctionError === undefined) return report;
  const { errorType = answer.FunctionError, errorMessage = "" } = (report ?? {}) as {
    errorType?: unknown;
    errorMessage?: unknown;
  };
  throw new OperatorError({
    code: "function-failed",
    message: `${functionName}: ${String(errorType)}: ${String(errorMessage).slice(0, 1_000)}`,
    remedy:
      "Read the function's log group in CloudWatch; slabmend doctor checks what the function depends on.",
    details: { function: functionName },
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
