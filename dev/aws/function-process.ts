/**
 * The program of a function's process: imports the handler's module once, then runs one invocation at a time, as the
 * Node runtime of AWS Lambda does. Started by execution-environment.ts.
 *
 * As in Lambda's runtime nodejs24.x, a handler is an async function of event and context. Work that is left in the
 * event loop is not awaited: the process is frozen as soon as the result is sent.
 */
import { pathToFileURL } from "node:url";
import type { Context } from "aws-lambda";
import type {
  FromFunction,
  FunctionError,
  InitializeMessage,
  InvokeMessage,
  ToFunction,
} from "./function-messages.ts";

type Handler = (event: unknown, context: Context) => unknown;

let handler: Handler | undefined;

// After "disconnect" the parent is gone, perhaps killed: it can neither take a result nor enforce the deadline.
process.on("disconnect", () => process.exit(1));
process.on("message", (message: ToFunction) => {
  if (message.type === "initialize") void initialize(message);
  else void invoke(message);
});

async function initialize(message: InitializeMessage): Promise<void> {
  try {
    const module = (await import(pathToFileURL(message.entry).href)) as Record<string, unknown>;
    const found = module[message.handler];
    if (typeof found !== "function") {
      const errorMessage = `${message.handler} is undefined or not exported`;
      return send({ type: "not-ready", error: { errorType: "Runtime.HandlerNotFound", errorMessage } });
    }
    handler = found as Handler;
    send({ type: "ready" });
  } catch (error) {
    send({ type: "not-ready", error: describe(error) });
  }
}

async function invoke(message: InvokeMessage): Promise<void> {
  const { requestId } = message;
  try {
    const result: unknown = await handler?.(JSON.parse(message.payload), contextOf(message));
    send({ type: "result", requestId, payload: JSON.stringify(result) ?? "null" });
  } catch (error) {
    send({ type: "error", requestId, error: describe(error) });
  }
}

function contextOf(message: InvokeMessage): Context {
  const nothing = (): void => {};
  return {
    functionName: message.functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: message.functionArn,
    memoryLimitInMB: String(message.memoryMb),
    awsRequestId: message.requestId,
    logGroupName: `/aws/lambda/${message.functionName}`,
    logStreamName: `local/${process.pid}`,
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, message.deadlineMs - Date.now()),
    done: nothing,
    fail: nothing,
    succeed: nothing,
  };
}

function describe(error: unknown): FunctionError {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error) };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") };
}

function send(message: FromFunction): void {
  // If the channel has closed meanwhile, nothing is sent: the listener of "disconnect" ends the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
