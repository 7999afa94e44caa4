import { expect, test } from "vitest";
import { Semaphore } from "../../lib/hosts/semaphore.ts";
import { Singleflight } from "../../lib/hosts/singleflight.ts";

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a semaphore admits callers in order, up to its limit", async () => {
  const gate = new Semaphore(10);
  const inside: string[] = [];
  const enter = (name: string, units: number, signal = never) =>
    gate.enter(units, signal).then((leave) => {
      inside.push(name);
      return leave;
    });
  const [first, second] = await Promise.all([enter("a", 4), enter("b", 6)]);
  const big = enter("c", 8);
  const small = enter("d", 1);
  await turn();
  expect(inside).toEqual(["a", "b"]);
  first();
  first();
  await turn();
  expect(inside, "the small one does not overtake").toEqual(["a", "b"]);
  second();
  (await big)();
  (await small)();
  expect(inside).toEqual(["a", "b", "c", "d"]);
});

test("a waiting caller that gives up does not block the others", async () => {
  const gate = new Semaphore(1);
  const leave = await gate.enter(1, never);
  const caller = new AbortController();
  const given = gate.enter(1, caller.signal);
  const next = gate.enter(1, never);
  caller.abort(new Error("given up"));
  await expect(given).rejects.toThrow("given up");
  await expect(gate.enter(1, caller.signal)).rejects.toThrow("given up");
  leave();
  (await next)();
});

test("when the first waiting caller gives up, later callers that fit are admitted", async () => {
  const gate = new Semaphore(2);
  const leave = await gate.enter(1, never);
  const caller = new AbortController();
  const big = gate.enter(2, caller.signal);
  const small = gate.enter(1, never);
  caller.abort(new Error("given up"));
  await expect(big).rejects.toThrow("given up");
  (await small)();
  leave();
});

test("a request for more units than the limit waits until all units are free", async () => {
  const gate = new Semaphore(3);
  (await gate.enter(100, never))();
  (await gate.enter(3, never))();
});

test("simultaneous callers share one call, and the call's result is not cached for later callers", async () => {
  let starts = 0;
  const flight = new Singleflight(async () => {
    await turn();
    return ++starts;
  });
  expect(await Promise.all([flight.join(never), flight.join(never)])).toEqual([1, 1]);
  expect(await flight.join(never)).toBe(2);
});

test("a shared call continues while any caller waits for it, and is aborted when the last caller gives up", async () => {
  const signals: AbortSignal[] = [];
  const flight = new Singleflight(async (signal) => {
    signals.push(signal);
    await new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason as Error)),
    );
  });
  const [one, two] = [new AbortController(), new AbortController()];
  const joined = [flight.join(one.signal), flight.join(two.signal)];
  one.abort(new Error("one"));
  await expect(joined[0]).rejects.toThrow("one");
  expect(signals[0]?.aborted).toBe(false);
  two.abort(new Error("two"));
  await expect(joined[1]).rejects.toThrow("two");
  expect(signals[0]?.aborted).toBe(true);
  const again = new AbortController();
  const third = flight.join(again.signal);
  expect(signals.length, "nobody boards a flight that goes down").toBe(2);
  again.abort(new Error("three"));
  await expect(third).rejects.toThrow("three");
  await flight.settled();
});

test("if a shared call fails, all its waiting callers fail, and the next caller starts a new call", async () => {
  let starts = 0;
  const flight = new Singleflight(async () => {
    await turn();
    if (++starts === 1) throw new Error("no luck");
    return starts;
  });
  const results = await Promise.allSettled([flight.join(never), flight.join(never)]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await flight.join(never)).toBe(2);
});
