/**
 * Two operations of AWS Lambda over HTTP on loopback, as `@aws-sdk/client-lambda` calls them. Invoke is `POST
 * /2015-03-31/functions/{name}/invocations`, with invocation types RequestResponse, Event and DryRun.
 * ListEventSourceMappings is `GET /2015-03-31/event-source-mappings/?FunctionName={name}`, and answers with all
 * mappings on one page.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { functionArn } from "../../dev/aws/function-definition.ts";
import type { FunctionPool } from "../../dev/aws/function-pool.ts";

export interface LambdaEndpoint {
  /** A value for the option `endpoint` of a client, or for AWS_ENDPOINT_URL_LAMBDA. */
  readonly url: string;
  /** Closes the port and drops open requests, without stopping the functions. */
  stop(): Promise<void>;
}

/** Lambda's limits for the payload of synchronous calls (request and response) and of events. */
export const MAX_SYNCHRONOUS_BYTES = 6 * 1024 * 1024;
export const MAX_EVENT_BYTES = 256 * 1024;

const PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;
const MAPPINGS_PATH = /^\/2015-03-31\/event-source-mappings\/?$/;
const ARN = /^(?:arn:aws:lambda:[a-z0-9-]+:\d{12}:function:)?([A-Za-z0-9_-]+)(?::\$LATEST)?$/;

type ServiceError =
  | "ResourceNotFoundException"
  | "InvalidRequestContentException"
  | "InvalidParameterValueException"
  | "RequestTooLargeException"
  | "TooManyRequestsException"
  | "ServiceException";

const STATUS: Readonly<Record<ServiceError, number>> = {
  ResourceNotFoundException: 404,
  InvalidRequestContentException: 400,
  InvalidParameterValueException: 400,
  RequestTooLargeException: 413,
  TooManyRequestsException: 429,
  ServiceException: 500,
};

/** A mapping in ListEventSourceMappings. */
export interface MappingDescription {
  readonly functionName: string;
  readonly queueArn: string;
  readonly maximumConcurrency: number;
  readonly state: "Enabled" | "Disabled";
}

export async function startLambdaEndpoint(
  functions: readonly FunctionPool[],
  mappings: () => readonly MappingDescription[] = () => [],
): Promise<LambdaEndpoint> {
  const byName = new Map(functions.map((pool) => [pool.definition.name, pool]));
  const server = createServer((request, response) => {
    handle(request, response, byName, mappings).catch((error: unknown) => {
      const said = error instanceof Error ? error.message : "unknown error";
      if (!response.headersSent) refuse(response, randomUUID(), "ServiceException", said);
      response.end();
    });
  });
  // An invocation may take 15 minutes before the first byte of its answer.
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  functions: ReadonlyMap<string, FunctionPool>,
  mappings: () => readonly MappingDescription[],
): Promise<void> {
  const requestId = randomUUID();
  const url = new URL(request.url ?? "/", "http://localhost");
  if (request.method === "GET" && MAPPINGS_PATH.test(url.pathname)) {
    listMappings(response, requestId, url.searchParams.get("FunctionName"), functions, mappings());
    return;
  }
  const path = PATH.exec(url.pathname);
  if (request.method !== "POST" || path === null) {
    const said = "only Invoke and ListEventSourceMappings are here";
    return refuse(response, requestId, "ResourceNotFoundException", said);
  }
  const name = ARN.exec(decodeURIComponent(path[1]!))?.[1] ?? "";
  const pool = functions.get(name);
  if (pool === undefined) {
    return refuse(response, requestId, "ResourceNotFoundException", `Function not found: ${name}`);
  }
  const type = request.headers["x-amz-invocation-type"] ?? "RequestResponse";
  const limitBytes = type === "Event" ? MAX_EVENT_BYTES : MAX_SYNCHRONOUS_BYTES;
  const payload = await readBody(request, limitBytes);
  if (payload === undefined) {
    const said = `${limitBytes} byte payload is the limit of ${String(type)} invocations`;
    return refuse(response, requestId, "RequestTooLargeException", said);
  }
  if (!isJson(payload)) {
    return refuse(response, requestId, "InvalidRequestContentException", "the payload is not JSON");
  }
  switch (type) {
    case "DryRun":
      return answer(response, requestId, { status: 204 });
    case "Event":
      if (pool.enqueue(payload, requestId)) return answer(response, requestId, { status: 202 });
      return refuse(response, requestId, "TooManyRequestsException", "the queue of events is full");
    case "RequestResponse":
      return await invoke(response, requestId, pool, payload);
    default:
      return refuse(response, requestId, "InvalidParameterValueException", "unknown invocation type");
  }
}

function listMappings(
  response: ServerResponse,
  requestId: string,
  functionName: string | null,
  functions: ReadonlyMap<string, FunctionPool>,
  mappings: readonly MappingDescription[],
): void {
  const name = functionName === null ? undefined : (ARN.exec(functionName)?.[1] ?? "");
  if (name !== undefined && !functions.has(name)) {
    refuse(response, requestId, "ResourceNotFoundException", `Function not found: ${name}`);
    return;
  }
  const body = JSON.stringify({
    EventSourceMappings: mappings
      .filter((mapping) => name === undefined || mapping.functionName === name)
      .map(({ functionName: of, queueArn, maximumConcurrency, state }) => ({
        EventSourceArn: queueArn,
        FunctionArn: functionArn(of),
        ScalingConfig: { MaximumConcurrency: maximumConcurrency },
        State: state,
      })),
  });
  answer(response, requestId, { status: 200, body });
}

async function invoke(
  response: ServerResponse,
  requestId: string,
  pool: FunctionPool,
  payload: string,
): Promise<void> {
  const outcome = await pool.invoke(payload, { requestId });
  if (outcome.kind === "throttled") {
    return refuse(response, requestId, "TooManyRequestsException", "Rate Exceeded.");
  }
  const functionError = { "x-amz-function-error": "Unhandled" };
  if (outcome.kind === "failed") {
    const body = JSON.stringify({ ...outcome.error });
    return answer(response, requestId, { status: 200, headers: functionError, body });
  }
  const sizeBytes = Buffer.byteLength(outcome.payload);
  if (sizeBytes > MAX_SYNCHRONOUS_BYTES) {
    const errorMessage = `Response payload size (${sizeBytes} bytes) exceeded maximum allowed payload size (${MAX_SYNCHRONOUS_BYTES} bytes).`;
    const body = JSON.stringify({ errorType: "Function.ResponseSizeTooLarge", errorMessage });
    return answer(response, requestId, { status: 200, headers: functionError, body });
  }
  answer(response, requestId, { status: 200, body: outcome.payload });
}

/** The body as text; an empty body becomes the event `{}`. Undefined if the body is larger than the limit. */
async function readBody(request: IncomingMessage, limitBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    // Keeps reading but drops the data: otherwise a client that still sends would see a reset instead of the answer.
    if (sizeBytes <= limitBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (sizeBytes > limitBytes) return undefined;
  return sizeBytes === 0 ? "{}" : Buffer.concat(chunks).toString("utf8");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function answer(
  response: ServerResponse,
  requestId: string,
  parts: { status: number; headers?: Record<string, string>; body?: string },
): void {
  response.writeHead(parts.status, {
    "content-type": "application/json",
    "x-amzn-requestid": requestId,
    "x-amz-executed-version": "$LATEST",
    ...parts.headers,
  });
  response.end(parts.body);
}

function refuse(response: ServerResponse, requestId: string, type: ServiceError, message: string): void {
  const body = JSON.stringify({
    Type: type === "ServiceException" ? "Service" : "User",
    Message: message,
    message,
  });
  answer(response, requestId, { status: STATUS[type], headers: { "x-amzn-errortype": type }, body });
}
