import { isAbsolute } from "node:path";
import { LocalRuntimeError } from "../process/errors.ts";

/** The settings that `CreateFunction` would get. */
export interface FunctionDefinition {
  readonly name: string;
  /** Absolute path of the module that exports the handler. */
  readonly entry: string;
  /** Default `handler`. */
  readonly handler?: string;
  readonly timeoutMs: number;
  /** Limits the JavaScript heap; default 512. */
  readonly memoryMb?: number;
  /** The function's environment variables, in addition to those that Lambda sets. Nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** Reserved concurrency: the maximum number of processes. */
  readonly maxConcurrency: number;
  /** Stop the process between invocations, as Lambda does. Default true. */
  readonly freezeBetweenInvocations?: boolean;
  /**
   * Retries of a failed Event invocation. Lambda's default is 2; ours is 0, because the schedule invokes the function
   * again anyway.
   */
  readonly maxEventRetries?: number;
  /**
   * An Event invocation that waits longer than this for a free process is dropped. The default is the least that Lambda
   * allows: 60,000.
   */
  readonly maxEventAgeMs?: number;
}

export const LOCAL_REGION = "us-east-1";
export const LOCAL_ACCOUNT = "000000000000";
/** The local servers check no signatures, but the SDK requires credentials. */
export const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" } as const;

export const DEFAULT_MEMORY_MB = 512;
/** Lambda's ceiling. */
const MAX_TIMEOUT_MS = 15 * 60_000;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

export function functionArn(name: string): string {
  return `arn:aws:lambda:${LOCAL_REGION}:${LOCAL_ACCOUNT}:function:${name}`;
}

export function assertFunctionDefinition(definition: FunctionDefinition): void {
  const { name, entry, timeoutMs, maxConcurrency } = definition;
  const wrong = [
    ...(NAME.test(name)
      ? []
      : [`name: expected 1 to 64 letters, digits, - or _, got ${JSON.stringify(name)}`]),
    ...(isAbsolute(entry) ? [] : [`entry: expected an absolute path, got ${JSON.stringify(entry)}`]),
    ...(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS
      ? []
      : [`timeoutMs: expected 1 to ${MAX_TIMEOUT_MS}, got ${timeoutMs}`]),
    ...(Number.isInteger(maxConcurrency) && maxConcurrency > 0
      ? []
      : [`maxConcurrency: expected a positive integer, got ${maxConcurrency}`]),
  ];
  if (wrong.length === 0) return;
  throw new LocalRuntimeError({
    code: "invalid-option",
    message: `function definition: ${wrong.join("; ")}`,
    remedy: "Correct the definition.",
  });
}

/** The whole environment of a function's process. */
export function functionEnvironment(definition: FunctionDefinition): Record<string, string> {
  return {
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    // The SDK must not find the user's own profile in their home folder.
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_NAME: definition.name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMb ?? DEFAULT_MEMORY_MB),
    TZ: "UTC",
    ...definition.environment,
  };
}
