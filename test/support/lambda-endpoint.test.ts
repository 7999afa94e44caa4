import { once } from "node:events";
import { InvokeCommand, type InvokeCommandInput, LambdaClient } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LOCAL_CREDENTIALS, LOCAL_REGION } from "../../dev/aws/function-definition.ts";
import { FunctionPool } from "../../dev/aws/function-pool.ts";
import { type ParentGuard, startParentGuard } from "../../dev/process/parent-guard.ts";
import { probe } from "../dev/fixtures/functions.ts";
import {
  type LambdaEndpoint,
  MAX_EVENT_BYTES,
  MAX_SYNCHRONOUS_BYTES,
  startLambdaEndpoint,
} from "./lambda-endpoint.ts";

let guard: ParentGuard;
let pool: FunctionPool;
let quick: FunctionPool;
let endpoint: LambdaEndpoint;
let client: LambdaClient;

beforeAll(async () => {
  guard = await startParentGuard();
  pool = new FunctionPool(probe({ maxConcurrency: 1 }), { guard, onLine: () => {} });
  quick = new FunctionPool(probe({ name: "quick", timeoutMs: 300 }), { guard, onLine: () => {} });
  endpoint = await startLambdaEndpoint([pool, quick]);
  client = new LambdaClient({
    endpoint: endpoint.url,
    region: LOCAL_REGION,
    credentials: LOCAL_CREDENTIALS,
    maxAttempts: 1,
  });
});

afterAll(async () => {
  client.destroy();
  await endpoint.stop();
  await Promise.all([pool.stop(), quick.stop()]);
  await guard.release();
});

async function invoke(order: unknown, more: Partial<InvokeCommandInput> = {}) {
  const payload = Buffer.from(JSON.stringify(order));
  const result = await client.send(new InvokeCommand({ FunctionName: "probe", Payload: payload, ...more }));
  const text = Buffer.from(result.Payload ?? []).toString();
  return {
    status: result.StatusCode,
    functionError: result.FunctionError,
    version: result.ExecutedVersion,
    text,
  };
}

test("a synchronous invocation returns what the handler returned", async () => {
  const result = await invoke({ do: "answer", value: "ü" });
  expect(result).toMatchObject({ status: 200, functionError: undefined, version: "$LATEST" });
  expect(JSON.parse(result.text)).toMatchObject({ value: "ü" });
});

test("a function can be invoked by its ARN instead of its name", async () => {
  const FunctionName = `arn:aws:lambda:${LOCAL_REGION}:000000000000:function:probe`;
  expect((await invoke({ do: "answer" }, { FunctionName })).status).toBe(200);
});

test("an error thrown by the handler is returned as the payload, with the header of a function error", async () => {
  const result = await invoke({ do: "throw", value: "broken" });
  expect(result).toMatchObject({ status: 200, functionError: "Unhandled" });
  expect(JSON.parse(result.text)).toMatchObject({ errorType: "RangeError", errorMessage: "broken" });
});

test("a time-out and a crash are function errors", async () => {
  const late = await invoke({ do: "hang" }, { FunctionName: "quick" });
  expect(late.functionError).toBe("Unhandled");
  expect(JSON.parse(late.text)).toMatchObject({
    errorMessage: expect.stringMatching(/timed out after 0\.30 seconds/),
  });
  const crash = await invoke({ do: "exit", value: 9 }, { FunctionName: "quick" });
  expect(JSON.parse(crash.text)).toMatchObject({ errorType: "Runtime.ExitError" });
});

test("an Event invocation is accepted at once and runs later", async () => {
  const ended = once(pool, "ended");
  const result = await invoke({ do: "answer", value: 5 }, { InvocationType: "Event" });
  expect(result).toMatchObject({ status: 202, text: "" });
  const [, outcome] = await ended;
  expect(JSON.parse(outcome.payload)).toMatchObject({ value: 5 });
});

test("an invocation of type DryRun runs nothing", async () => {
  expect((await invoke({ do: "exit" }, { InvocationType: "DryRun" })).status).toBe(204);
});

test("an unknown function or a malformed request is refused as Lambda refuses it", async () => {
  await expect(invoke({}, { FunctionName: "absent" })).rejects.toMatchObject({
    name: "ResourceNotFoundException",
  });
  await expect(invoke({}, { Payload: Buffer.from("{") })).rejects.toMatchObject({
    name: "InvalidRequestContentException",
  });
  const large = Buffer.from(JSON.stringify("x".repeat(MAX_SYNCHRONOUS_BYTES)));
  await expect(invoke({}, { Payload: large })).rejects.toMatchObject({ name: "RequestTooLargeException" });
  const event = Buffer.from(JSON.stringify("x".repeat(MAX_EVENT_BYTES)));
  await expect(invoke({}, { Payload: event, InvocationType: "Event" })).rejects.toMatchObject({
    name: "RequestTooLargeException",
  });
});

test("an invocation above the concurrency limit is throttled", async () => {
  const started = once(pool, "started");
  const running = invoke({ do: "hang" });
  await started;
  await expect(invoke({ do: "answer" })).rejects.toMatchObject({ name: "TooManyRequestsException" });
  pool.signal(pool.busy[0]!.pid, "SIGKILL");
  expect((await running).functionError).toBe("Unhandled");
});

test("a response that is too large is a function error", async () => {
  const result = await invoke({ do: "large", value: MAX_SYNCHRONOUS_BYTES });
  expect(JSON.parse(result.text)).toMatchObject({ errorType: "Function.ResponseSizeTooLarge" });
});

test("a request with an unknown path or method is answered with 404", async () => {
  for (const path of ["/", "/2015-03-31/functions", "/2015-03-31/functions/probe/invocations"]) {
    expect((await fetch(endpoint.url + path)).status).toBe(404);
  }
});
