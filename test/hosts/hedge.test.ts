import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type HedgeOptions, type HedgeResult, hedge, NoLongerNeededError } from "../../lib/hosts/hedge.ts";
import { createFakeClock } from "../support/fake-clock.ts";

/** Calls `hedge` with attempts that do not end by themselves: the test ends each of them. */
function controlled(candidates: readonly string[], options: Partial<HedgeOptions<string, string>> = {}) {
  const clock = createFakeClock();
  const caller = new AbortController();
  const started: string[] = [];
  const cancelled: string[] = [];
  const open = new Map<string, { resolve: (value: string) => void; reject: (cause: unknown) => void }>();
  const result = hedge<string, string>({
    candidates,
    needed: 1,
    clock,
    signal: caller.signal,
    intervalMs: () => 1000,
    attempt: (source, signal) => {
      started.push(source);
      return new Promise((resolve, reject) => {
        open.set(source, { resolve, reject });
        signal.addEventListener("abort", () => {
          cancelled.push(source);
          open.delete(source);
          reject(signal.reason as Error);
        });
      });
    },
    ...options,
  });
  result.catch(() => {});
  const turn = () => clock.advance(0);
  return {
    clock,
    caller,
    started,
    cancelled,
    result,
    turn,
    succeed(source: string) {
      open.get(source)?.resolve(`data of ${source}`);
      return turn();
    },
    fail(source: string) {
      open.get(source)?.reject(new Error(`${source} failed`));
      return turn();
    },
  };
}

const sourcesOf = (result: HedgeResult<string, string>) => result.successes.map(({ source }) => source);

test("hedge starts as many attempts as successes are needed, and uses the first successes", async () => {
  const race = controlled(["a", "b", "c", "d"], { needed: 2 });
  expect(race.started).toEqual(["a", "b"]);
  await race.succeed("b");
  await race.succeed("a");
  const result = await race.result;
  expect(result).toMatchObject({ kind: "enough", failures: [] });
  expect(result.successes).toEqual([
    { source: "b", value: "data of b" },
    { source: "a", value: "data of a" },
  ]);
  expect(race.started).toEqual(["a", "b"]);
  expect(race.clock.pending).toBe(0);
});

test("once hedge can no longer succeed, it cancels the running attempts after patienceMs", async () => {
  const race = controlled(["a", "b", "c"], { needed: 3, patienceMs: 1_000 });
  await race.fail("a");
  expect(race.cancelled).toEqual([]);
  await race.clock.advance(600);
  await race.fail("b");
  await race.clock.advance(399);
  expect(race.cancelled).toEqual([]);
  await race.clock.advance(1);
  expect(race.cancelled).toEqual(["c"]);
  const result = await race.result;
  expect(result.kind).toBe("too-few");
  expect(result.failures.map(({ source }) => source)).toEqual(["a", "b"]);
  expect(race.clock.pending).toBe(0);
});

test("hedge does not wait for patienceMs once no attempt is running", async () => {
  const race = controlled(["a", "b"], { needed: 2, patienceMs: 1_000 });
  await race.fail("a");
  await race.succeed("b");
  expect(await race.result).toMatchObject({ kind: "too-few", failures: [{ source: "a" }] });
  expect(race.clock.pending).toBe(0);
});

test("a failure starts the next source at once", async () => {
  const race = controlled(["a", "b", "c"], { needed: 1 });
  await race.fail("a");
  expect(race.started).toEqual(["a", "b"]);
  await race.fail("b");
  await race.succeed("c");
  const result = await race.result;
  expect(result.kind).toBe("enough");
  expect(result.failures.map(({ source }) => source)).toEqual(["a", "b"]);
});

test("a failure starts another attempt even while hedged attempts are running", async () => {
  const race = controlled(["a", "b", "c"], { needed: 1 });
  await race.clock.advance(1000);
  expect(race.started).toEqual(["a", "b"]);
  await race.fail("a");
  expect(race.started).toEqual(["a", "b", "c"]);
  await race.succeed("c");
  expect(sourcesOf(await race.result)).toEqual(["c"]);
  expect(race.cancelled).toEqual(["b"]);
});

test("each interval without progress starts one more attempt", async () => {
  const race = controlled(["a", "b", "c", "d"], { needed: 1 });
  await race.clock.advance(999);
  expect(race.started).toEqual(["a"]);
  await race.clock.advance(1);
  expect(race.started).toEqual(["a", "b"]);
  await race.clock.advance(1000);
  expect(race.started).toEqual(["a", "b", "c"]);
  await race.succeed("a");
  expect(sourcesOf(await race.result)).toEqual(["a"]);
  expect(race.cancelled).toEqual(["b", "c"]);
});

test("if an interval becomes longer while hedge waits for its end, the new length applies", async () => {
  let intervalMs = 1000;
  const race = controlled(["a", "b"], { needed: 1, intervalMs: () => intervalMs });
  await race.clock.advance(500);
  intervalMs = 2000;
  await race.clock.advance(1499);
  expect(race.started).toEqual(["a"]);
  await race.clock.advance(1);
  expect(race.started).toEqual(["a", "b"]);
  await race.succeed("b");
  await race.result;
});

test("time in which the process was stopped does not count towards an interval", async () => {
  const race = controlled(["a", "b"], { needed: 1 });
  await race.clock.advance(100);
  race.clock.skip(30_000);
  await race.clock.advance(0);
  expect(race.started).toEqual(["a"]);
  await race.clock.advance(749);
  expect(race.started).toEqual(["a"]);
  await race.clock.advance(1);
  expect(race.started).toEqual(["a", "b"]);
  await race.succeed("a");
  await race.result;
});

test("progress restarts the interval", async () => {
  const race = controlled(["a", "b", "c", "d"], { needed: 2 });
  await race.clock.advance(900);
  await race.succeed("a");
  await race.clock.advance(900);
  expect(race.started).toEqual(["a", "b"]);
  await race.clock.advance(100);
  expect(race.started).toEqual(["a", "b", "c"]);
  race.caller.abort(new Error("over"));
  await race.result;
});

test("remaining attempts are cancelled with a reason and awaited", async () => {
  const ended = Promise.withResolvers<void>();
  const reasons: unknown[] = [];
  const race = controlled(["fast", "slow"], {
    needed: 1,
    attempt: async (source, signal) => {
      if (source === "fast") return new Promise((resolve) => setImmediate(() => resolve("data")));
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      reasons.push(signal.reason);
      await ended.promise;
      throw signal.reason;
    },
    candidates: ["slow", "fast"],
  });
  let isSettled = false;
  void race.result.then(() => {
    isSettled = true;
  });
  await race.clock.advance(1000);
  await race.turn();
  await race.turn();
  expect(reasons).toEqual([expect.any(NoLongerNeededError)]);
  expect(isSettled).toBe(false);
  ended.resolve();
  expect(sourcesOf(await race.result)).toEqual(["fast"]);
});

test("a success of an attempt after its cancellation is ignored", async () => {
  const race = controlled(["a", "b"], {
    needed: 1,
    attempt: async (source, signal) => {
      if (source === "b") return "b";
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      return "late";
    },
  });
  await race.clock.advance(1000);
  expect(sourcesOf(await race.result)).toEqual(["b"]);
});

describe("hedge fails with too few successes", () => {
  test("when all attempts have failed", async () => {
    const race = controlled(["a", "b"], { needed: 1 });
    await race.fail("a");
    await race.fail("b");
    expect(await race.result).toMatchObject({ kind: "too-few", successes: [] });
    expect(race.clock.pending).toBe(0);
  });

  test("as soon as the remaining candidates cannot be enough; running attempts are cancelled", async () => {
    const race = controlled(["a", "b", "c"], { needed: 3 });
    await race.succeed("b");
    await race.fail("a");
    const result = await race.result;
    expect(result.kind).toBe("too-few");
    expect(sourcesOf(result)).toEqual(["b"]);
    expect(race.cancelled).toEqual(["c"]);
  });

  test("without any candidates", async () => {
    expect(await controlled([], { needed: 1 }).result).toMatchObject({ kind: "too-few" });
  });
});

test("hedge succeeds at once if no success is needed", async () => {
  const race = controlled(["a"], { needed: 0 });
  expect(await race.result).toMatchObject({ kind: "enough", successes: [] });
  expect(race.started).toEqual([]);
});

test("an abort of hedge cancels all attempts with the reason of the abort", async () => {
  const reasons: unknown[] = [];
  const race = controlled(["a", "b", "c"], {
    needed: 2,
    attempt: (_source, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason);
          reject(signal.reason as Error);
        });
      }),
  });
  const reason = new Error("deadline");
  race.caller.abort(reason);
  expect(await race.result).toMatchObject({ kind: "aborted", successes: [], failures: [] });
  expect(reasons).toEqual([reason, reason]);
  expect(race.clock.pending).toBe(0);
});

test("hedge starts no attempt if its signal has already aborted", async () => {
  const started: string[] = [];
  const result = await hedge({
    candidates: ["a"],
    needed: 1,
    clock: createFakeClock(),
    signal: AbortSignal.abort(),
    intervalMs: () => 1,
    attempt: async (source) => started.push(source),
  });
  expect(result.kind).toBe("aborted");
  expect(started).toEqual([]);
});

test("simultaneous attempts stay within the limit, even if more are needed", async () => {
  const race = controlled(["a", "b", "c", "d"], { needed: 3, maxConcurrent: 2 });
  expect(race.started).toEqual(["a", "b"]);
  await race.clock.advance(5000);
  expect(race.started).toEqual(["a", "b"]);
  await race.fail("a");
  expect(race.started).toEqual(["a", "b", "c"]);
  await race.succeed("b");
  expect(race.started).toEqual(["a", "b", "c", "d"]);
  await race.succeed("c");
  await race.succeed("d");
  expect(sourcesOf(await race.result)).toEqual(["b", "c", "d"]);
});

test("candidates are taken one by one, so that a generator can skip candidates that have failed meanwhile", async () => {
  const dead = new Set<string>();
  let closed = false;
  function* alive() {
    try {
      for (const source of ["a", "b", "c"]) if (!dead.has(source)) yield source;
    } finally {
      closed = true;
    }
  }
  const race = controlled([], { needed: 1, candidates: alive() });
  dead.add("b");
  await race.fail("a");
  expect(race.started).toEqual(["a", "c"]);
  await race.succeed("c");
  await race.result;
  expect(closed).toBe(true);
});

test("an attempt that throws at once counts as failed", async () => {
  const race = controlled(["a", "b"], {
    attempt: (source) => {
      if (source === "a") throw new Error("at once");
      return Promise.resolve(source);
    },
  });
  expect(await race.result).toMatchObject({ kind: "enough", failures: [{ source: "a" }] });
});

test("an exception thrown by the candidates' generator cancels the running attempts and is passed on", async () => {
  function* broken() {
    yield "a";
    throw new TypeError("broken");
  }
  const race = controlled([], { needed: 2, candidates: broken() });
  await expect(race.result).rejects.toThrow("broken");
  expect(race.cancelled).toEqual(["a"]);
  expect(race.clock.pending).toBe(0);
});

test("for random events hedge's result is right and no attempt is left running", async () => {
  const attempt = fc.record({ takesMs: fc.nat(5000), succeeds: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(attempt, { maxLength: 12 }),
      fc.nat(6),
      fc.integer({ min: 1, max: 6 }),
      fc.option(fc.nat(6000)),
      async (plans, needed, maxConcurrent, abortAtMs) => {
        const clock = createFakeClock();
        const caller = new AbortController();
        let running = 0;
        let most = 0;
        if (abortAtMs !== null) clock.after(abortAtMs, () => caller.abort(new Error("over")));
        const settled = hedge({
          candidates: plans,
          needed,
          maxConcurrent,
          clock,
          signal: caller.signal,
          intervalMs: () => 700,
          attempt: ({ takesMs, succeeds }, signal) => {
            most = Math.max(most, ++running);
            return new Promise<void>((resolve, reject) => {
              const end = clock.after(takesMs, () => {
                running--;
                if (succeeds) resolve();
                else reject(new Error("failed"));
              });
              signal.addEventListener("abort", () => {
                end();
                running--;
                reject(signal.reason as Error);
              });
            });
          },
        });
        await clock.advance(100_000);
        const result = await settled;
        expect(running).toBe(0);
        expect(clock.pending).toBe(0);
        expect(most).toBeLessThanOrEqual(maxConcurrent);
        const good = plans.filter(({ succeeds }) => succeeds).length;
        if (result.kind === "enough") expect(result.successes.length).toBe(needed);
        else expect(result.successes.length).toBeLessThan(needed);
        if (result.kind === "too-few") expect(good).toBeLessThan(needed);
        if (abortAtMs === null) expect(result.kind).toBe(good >= needed ? "enough" : "too-few");
      },
    ),
    { numRuns: 60 },
  );
});
