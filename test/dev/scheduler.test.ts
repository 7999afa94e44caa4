import { afterEach, expect, test } from "vitest";
import { FunctionPool } from "../../dev/aws/function-pool.ts";
import { type Scheduler, startScheduler } from "../../dev/aws/scheduler.ts";
import { startParentGuard } from "../../dev/process/parent-guard.ts";
import type { Clock } from "../../lib/clock/clock.ts";
import { probe } from "./fixtures/functions.ts";

let scheduler: Scheduler | undefined;
afterEach(() => scheduler?.stop());

/** A clock that advances when told, and then calls the callbacks that are due. */
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

function recordingInvoke(fail = false) {
  const calls: string[] = [];
  const invoke = (functionName: string): void => {
    calls.push(functionName);
    if (fail) throw new Error("refused");
  };
  return { calls, invoke };
}

test("the scheduler calls each function at its rate, first at the given time", () => {
  const { clock, advance, armed } = handClock();
  const { calls, invoke } = recordingInvoke();
  const schedules = [
    { functionName: "claim", everyMs: 1000, firstAfterMs: 0 },
    { functionName: "reap", everyMs: 3000 },
  ];
  scheduler = startScheduler({ invoke, clock, schedules });
  advance(0);
  expect(calls).toEqual(["claim"]);
  advance(1000);
  advance(1000);
  advance(1000);
  expect(calls).toEqual(["claim", "claim", "claim", "reap", "claim"]);
  expect(armed()).toBe(2);
});

test("a late timer neither shifts later calls nor repeats missed ones", () => {
  const { clock, advance } = handClock();
  const { calls, invoke } = recordingInvoke();
  scheduler = startScheduler({ invoke, clock, schedules: [{ functionName: "claim", everyMs: 1000 }] });
  advance(3700);
  expect(calls).toHaveLength(1);
  advance(300);
  expect(calls).toHaveLength(2);
});

test("the scheduler reports a call that is refused, and makes the next call", () => {
  const { clock, advance } = handClock();
  const { calls, invoke } = recordingInvoke(true);
  const errors: string[] = [];
  scheduler = startScheduler({
    invoke,
    clock,
    schedules: [{ functionName: "claim", everyMs: 1000 }],
    onError: (name, error) => errors.push(`${name} ${String(error)}`),
  });
  advance(1000);
  advance(1000);
  expect(calls).toHaveLength(2);
  expect(errors).toEqual(["claim Error: refused", "claim Error: refused"]);
});

test("a stopped scheduler calls nothing", () => {
  const { clock, advance, armed } = handClock();
  const { calls, invoke } = recordingInvoke();
  startScheduler({ invoke, clock, schedules: [{ functionName: "claim", everyMs: 1000 }] }).stop();
  advance(5000);
  expect(calls).toEqual([]);
  expect(armed()).toBe(0);
});

test("a real function runs on a schedule", async () => {
  const guard = await startParentGuard();
  const pool = new FunctionPool(probe({ maxConcurrency: 1 }), { guard, onLine: () => {} });
  const payloads: string[] = [];
  const thrice = new Promise<void>((resolve) => {
    pool.on("ended", (invocation) => {
      payloads.push(invocation.payload);
      if (payloads.length === 3) resolve();
    });
  });
  const running = startScheduler({
    invoke: (_name, event) => void pool.enqueue(event),
    schedules: [{ functionName: "probe", everyMs: 50, firstAfterMs: 0 }],
  });
  await thrice;
  running.stop();
  await pool.stop();
  await guard.release();
  expect(JSON.parse(payloads[0]!)).toMatchObject({
    source: "aws.events",
    "detail-type": "Scheduled Event",
    detail: {},
  });
});
