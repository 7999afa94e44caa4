import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FunctionLine } from "../../dev/aws/execution-environment.ts";
import type { FunctionDefinition } from "../../dev/aws/function-definition.ts";
import { FunctionPool, type PoolOutcome } from "../../dev/aws/function-pool.ts";
import { type ParentGuard, startParentGuard } from "../../dev/process/parent-guard.ts";
import { isAlive } from "../../dev/process/run-folder.ts";
import { processState } from "../support/processes.ts";
import { untilEqual } from "../support/until.ts";
import { BROKEN, probe } from "./fixtures/functions.ts";

let guard: ParentGuard;
let pools: FunctionPool[];
let lines: FunctionLine[];

beforeEach(async () => {
  guard = await startParentGuard();
  pools = [];
  lines = [];
});

afterEach(async () => {
  await Promise.all(pools.map((pool) => pool.stop()));
  await guard.release();
});

function pool(overrides: Partial<FunctionDefinition> = {}): FunctionPool {
  const created = new FunctionPool(probe(overrides), { guard, onLine: (line) => lines.push(line) });
  pools.push(created);
  return created;
}

interface Answer {
  value: unknown;
  invocations: number;
  ticks: number;
  pid: number;
  requestId: string;
  functionName: string;
  remainingMs: number;
}

function answerOf(outcome: PoolOutcome): Answer {
  if (outcome.kind !== "succeeded") throw new Error(`expected success, got ${JSON.stringify(outcome)}`);
  return JSON.parse(outcome.payload) as Answer;
}

const answer = (value: unknown): string => JSON.stringify({ do: "answer", value });

describe("an invocation", () => {
  test("an invocation runs in its own process with Lambda's context", async () => {
    const result = answerOf(
      await pool({ timeoutMs: 15_000 }).invoke(answer({ a: 1 }), { requestId: "request-1" }),
    );
    expect(result).toMatchObject({
      value: { a: 1 },
      requestId: "request-1",
      functionName: "probe",
      invocations: 1,
    });
    expect(result.pid).not.toBe(process.pid);
    expect(result.remainingMs).toBeGreaterThan(0);
    expect(result.remainingMs).toBeLessThanOrEqual(15_000);
  });

  test("an invocation without a result returns null", async () => {
    expect(await pool().invoke('{"do":"nothing"}')).toEqual({ kind: "succeeded", payload: "null" });
  });

  test("an invocation reuses the process of the previous one", async () => {
    const functions = pool();
    const first = answerOf(await functions.invoke(answer(1)));
    const second = answerOf(await functions.invoke(answer(2)));
    expect(second.pid).toBe(first.pid);
    expect(second.invocations).toBe(2);
  });

  test("an invocation that throws fails with the error's type and message, and the next one reuses the process", async () => {
    const functions = pool();
    const outcome = await functions.invoke('{"do":"throw","value":"no such thing"}');
    expect(outcome).toMatchObject({
      kind: "failed",
      how: "handler-error",
      error: { errorType: "RangeError", errorMessage: "no such thing" },
    });
    const next = answerOf(await functions.invoke(answer(1)));
    expect(next.invocations).toBe(2);
  });

  test("an invocation whose process exits is reported as a crash; the next one gets a new process", async () => {
    const functions = pool();
    const before = answerOf(await functions.invoke(answer(1)));
    const outcome = await functions.invoke('{"do":"exit","value":3}', { requestId: "r" });
    expect(outcome).toEqual({
      kind: "failed",
      how: "crashed",
      error: {
        errorType: "Runtime.ExitError",
        errorMessage: "RequestId: r Error: Runtime exited with error: exit status 3",
      },
    });
    const after = answerOf(await functions.invoke(answer(1)));
    expect(after.pid).not.toBe(before.pid);
    expect(after.invocations).toBe(1);
  });

  test.each(["hang", "spin"])("an invocation that never ends is killed at its deadline: %s", async (what) => {
    const functions = pool({ timeoutMs: 400 });
    let pid = 0;
    const outcome = await functions.invoke(JSON.stringify({ do: what }), {
      requestId: "r",
      onStarted: (invocation) => {
        pid = invocation.pid;
      },
    });
    expect(outcome).toEqual({
      kind: "failed",
      how: "timed-out",
      error: {
        errorType: "Sandbox.Timedout",
        errorMessage: "RequestId: r Error: Task timed out after 0.40 seconds",
      },
    });
    expect(isAlive(pid)).toBe(false);
    expect(functions.pids).toEqual([]);
  });

  test("an invocation in a stopped process is killed at its deadline too", async () => {
    const functions = pool({ timeoutMs: 500 });
    const outcome = await functions.invoke('{"do":"hang"}', {
      onStarted: ({ pid }) => expect(functions.signal(pid, "SIGSTOP")).toBe(true),
    });
    expect(outcome).toMatchObject({ kind: "failed", how: "timed-out" });
  });

  test("if a signal kills an invocation's process, the reported crash names the signal", async () => {
    const functions = pool();
    const outcome = await functions.invoke('{"do":"hang"}', {
      onStarted: ({ pid }) => expect(functions.signal(pid, "SIGKILL")).toBe(true),
    });
    expect(outcome).toMatchObject({
      how: "crashed",
      error: { errorMessage: expect.stringMatching(/signal: SIGKILL$/) },
    });
    expect(functions.busy).toEqual([]);
  });

  test("an invocation of a broken module or a missing handler fails with init-error", async () => {
    const broken = await pool({ entry: BROKEN }).invoke("{}");
    expect(broken).toMatchObject({
      how: "init-error",
      error: { errorType: "TypeError", errorMessage: "this module cannot be imported" },
    });
    const missing = await pool({ handler: "absent" }).invoke("{}");
    expect(missing).toMatchObject({ how: "init-error", error: { errorType: "Runtime.HandlerNotFound" } });
  });
});

describe("concurrency", () => {
  test("an invocation beyond the limit is throttled, and busy processes are listed", async () => {
    const functions = pool({ maxConcurrency: 1 });
    const started = once(functions, "started");
    const running = functions.invoke('{"do":"hang"}');
    await started;
    expect(functions.busy).toHaveLength(1);
    expect(await functions.invoke(answer(1))).toEqual({ kind: "throttled" });
    functions.signal(functions.busy[0]!.pid, "SIGKILL");
    expect(await running).toMatchObject({ how: "crashed" });
    expect(answerOf(await functions.invoke(answer(1))).value).toBe(1);
  });

  test("concurrent invocations within the limit each get their own process", async () => {
    const functions = pool({ maxConcurrency: 2 });
    const results = await Promise.all([functions.invoke(answer(1)), functions.invoke(answer(2))]);
    expect(new Set(results.map((result) => answerOf(result).pid)).size).toBe(2);
  });

  test("events wait for a free process and are handled in order", async () => {
    const functions = pool({ maxConcurrency: 1 });
    const served: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      functions.on("ended", (_, outcome) => {
        served.push(answerOf(outcome).value);
        if (served.length === 3) resolve();
      });
    });
    for (const value of [1, 2, 3]) expect(functions.enqueue(answer(value))).toBe(true);
    await done;
    expect(served).toEqual([1, 2, 3]);
  });

  test("a failed event is retried up to its limit", async () => {
    const functions = pool({ maxEventRetries: 2 });
    let attempts = 0;
    functions.on("ended", () => (attempts += 1));
    const dropped = once(functions, "dropped");
    functions.enqueue('{"do":"throw","value":"again"}', "r");
    expect((await dropped)[0]).toEqual({ requestId: "r", why: "failed" });
    expect(attempts).toBe(3);
  });

  test("an event that waits too long is dropped", async () => {
    const functions = pool({ maxConcurrency: 1, maxEventAgeMs: 0, timeoutMs: 300 });
    const dropped = once(functions, "dropped");
    const started = once(functions, "started");
    void functions.invoke('{"do":"hang"}');
    await started;
    functions.enqueue(answer(1), "late");
    expect((await dropped)[0]).toEqual({ requestId: "late", why: "too-old" });
  });
});

describe("between invocations", () => {
  test("between invocations the process and its sockets are frozen", async () => {
    const functions = pool();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const connected = once(server, "connection");
    await functions.invoke(JSON.stringify({ do: "dial", value: port }));
    const [socket] = (await connected) as [import("node:net").Socket];
    const [pid] = functions.pids;
    await untilEqual(() => processState(pid!), "T");
    // The peer closes the connection, which the frozen process cannot notice.
    socket.destroy();
    server.close();
    expect(answerOf(await functions.invoke(answer(1))).pid).toBe(pid);
  });

  test("a process with freezing disabled keeps running", async () => {
    const functions = pool({ freezeBetweenInvocations: false });
    const first = answerOf(await functions.invoke(answer(1)));
    expect(await processState(first.pid)).not.toBe("T");
  });

  test("a frozen process that was killed is replaced", async () => {
    const functions = pool();
    const first = answerOf(await functions.invoke(answer(1)));
    expect(functions.signal(first.pid, "SIGKILL")).toBe(true);
    const second = answerOf(await functions.invoke(answer(1)));
    expect(second.pid).not.toBe(first.pid);
  });
});

describe("the environment of a function", () => {
  test("a function gets only its own environment variables and those that Lambda sets", async () => {
    process.env["SLABMEND_TEST_CANARY"] = "do-not-inherit";
    const outcome = await pool({ environment: { GIVEN: "yes" } }).invoke('{"do":"environment"}');
    delete process.env["SLABMEND_TEST_CANARY"];
    const environment = answerOf(outcome) as unknown as Record<string, string>;
    expect(environment["GIVEN"]).toBe("yes");
    expect(environment["AWS_LAMBDA_FUNCTION_NAME"]).toBe("probe");
    expect(JSON.stringify(environment)).not.toContain("do-not-inherit");
    expect(environment["PATH"]).toBeUndefined();
    expect(environment["HOME"]).toBeUndefined();
  });

  test("what a function prints reaches the sink line by line", async () => {
    await pool().invoke('{"do":"print"}');
    await untilEqual(
      () => lines.map(({ stream, line }) => `${stream} ${line}`).sort(),
      ["stderr to stderr", "stdout to stdout"],
    );
  });
});

test("a pool does not signal a process that it did not start", () => {
  expect(pool().signal(process.pid, "SIGKILL")).toBe(false);
});

test("stop kills busy and frozen processes alike, and later invocations are refused", async () => {
  const functions = pool({ maxConcurrency: 2 });
  const busy = once(functions, "started");
  const running = functions.invoke('{"do":"hang"}');
  await busy;
  await functions.invoke(answer(1));
  const { pids } = functions;
  expect(pids).toHaveLength(2);
  await functions.stop();
  expect(await running).toMatchObject({ how: "crashed" });
  expect(pids.map(isAlive)).toEqual([false, false]);
  await expect(functions.invoke(answer(1))).rejects.toMatchObject({ code: "runtime-stopped" });
});

test("an invalid function definition is refused, and the error names all its problems", () => {
  const options = { entry: "relative.ts", timeoutMs: 0, maxConcurrency: 0, name: "a b" };
  expect(() => pool(options)).toThrow(/name: .*entry: .*timeoutMs: .*maxConcurrency: /);
});
