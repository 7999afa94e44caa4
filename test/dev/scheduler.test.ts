import { type InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { afterEach, expect, test } from "vitest";
import { LOCAL_CREDENTIALS, LOCAL_REGION } from "../../dev/aws/function-definition.ts";
import { FunctionPool } from "../../dev/aws/function-pool.ts";
import { startLambdaEndpoint } from "../../dev/aws/lambda-endpoint.ts";
import { type Scheduler, startScheduler } from "../../dev/aws/scheduler.ts";
import { startParentGuard } from "../../dev/process/parent-guard.ts";
import type { Clock } from "../../lib/clock/clock.ts";
import { probe } from "./fixtures/functions.ts";

let scheduler: Scheduler | undefined;
afterEach(() => scheduler?.stop());

/** A clock that moves when told, and lets what it called run. */
function handClock() {
  let nowMs = 1_000_000;
  let timers: { atMs: number; callback: () => void }[] = [];
  const clock: Clock = {
    now: () => nowMs,
    after(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  };
  const advance = (byMs: number): void => {
    nowMs += byMs;
    const due = timers.filter((timer) => timer.atMs <= nowMs);
    timers = timers.filter((timer) => timer.atMs > nowMs);
    for (const timer of due) timer.callback();
  };
  return { clock, advance, armed: () => timers.length };
}

function recordingClient(fail = false) {
  const calls: string[] = [];
  const send = async (command: InvokeCommand): Promise<object> => {
    calls.push(`${command.input.FunctionName} ${command.input.InvocationType}`);
    if (fail) throw new Error("refused");
    return {};
  };
  return { calls, client: { send } as unknown as Pick<LambdaClient, "send"> };
}

test("calls each function at its rate, the first time when told", () => {
  const { clock, advance, armed } = handClock();
  const { calls, client } = recordingClient();
  const schedules = [
    { functionName: "claim", everyMs: 1000, firstAfterMs: 0 },
    { functionName: "reap", everyMs: 3000 },
  ];
  scheduler = startScheduler({ client, clock, schedules });
  advance(0);
  expect(calls).toEqual(["claim Event"]);
  advance(1000);
  advance(1000);
  advance(1000);
  expect(calls).toEqual(["claim Event", "claim Event", "claim Event", "reap Event", "claim Event"]);
  expect(armed()).toBe(2);
});

test("a late timer neither shifts the rate nor makes up for what was missed", () => {
  const { clock, advance } = handClock();
  const { calls, client } = recordingClient();
  scheduler = startScheduler({ client, clock, schedules: [{ functionName: "claim", everyMs: 1000 }] });
  advance(3700);
  expect(calls).toHaveLength(1);
  advance(300);
  expect(calls).toHaveLength(2);
});

test("a call that is refused is reported, and the next one comes", async () => {
  const { clock, advance } = handClock();
  const { calls, client } = recordingClient(true);
  const errors: string[] = [];
  scheduler = startScheduler({
    client,
    clock,
    schedules: [{ functionName: "claim", everyMs: 1000 }],
    onError: (name, error) => errors.push(`${name} ${String(error)}`),
  });
  advance(1000);
  advance(1000);
  await new Promise(setImmediate);
  expect(calls).toHaveLength(2);
  expect(errors).toEqual(["claim Error: refused", "claim Error: refused"]);
});

test("a stopped scheduler calls nothing", async () => {
  const { clock, advance, armed } = handClock();
  const { calls, client } = recordingClient();
  await startScheduler({ client, clock, schedules: [{ functionName: "claim", everyMs: 1000 }] }).stop();
  advance(5000);
  expect(calls).toEqual([]);
  expect(armed()).toBe(0);
});

test("a real function runs on a schedule, through the real client", async () => {
  const guard = await startParentGuard();
  const pool = new FunctionPool(probe({ maxConcurrency: 1 }), { guard, onLine: () => {} });
  const endpoint = await startLambdaEndpoint([pool]);
  const client = new LambdaClient({
    endpoint: endpoint.url,
    region: LOCAL_REGION,
    credentials: LOCAL_CREDENTIALS,
  });
  const payloads: string[] = [];
  const thrice = new Promise<void>((resolve) => {
    pool.on("ended", (invocation) => {
      payloads.push(invocation.payload);
      if (payloads.length === 3) resolve();
    });
  });
  const running = startScheduler({
    client,
    schedules: [{ functionName: "probe", everyMs: 50, firstAfterMs: 0 }],
  });
  await thrice;
  await running.stop();
  client.destroy();
  await endpoint.stop();
  await pool.stop();
  await guard.release();
  expect(JSON.parse(payloads[0]!)).toMatchObject({
    source: "aws.events",
    "detail-type": "Scheduled Event",
    detail: {},
  });
});
