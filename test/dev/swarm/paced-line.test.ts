import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mostQueuedBytes, type Pace, PacedLine } from "../../../dev/swarm/paced-line.ts";
import type { Clock } from "../../../lib/clock/clock.ts";

/** A clock that advances on demand from timer to timer. */
class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  advanceTo(atMs: number): void {
    for (;;) {
      const next = [...this.#timers].sort((one, other) => one.atMs - other.atMs)[0];
      if (next === undefined || next.atMs > atMs) break;
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.callback();
    }
    this.#nowMs = atMs;
  }
}

const FULL_SPEED: Pace = { bytesPerSecond: null, latencyMs: 0, halted: false };

function lineOf(clock: Clock, pace: () => Pace) {
  const arrived: { readonly atMs: number; readonly bytes: Buffer }[] = [];
  const deliver = (bytes: Buffer) => arrived.push({ atMs: clock.now(), bytes });
  const line = new PacedLine({ clock, pace, bandwidth: { freeAtMs: 0 }, deliver });
  return { line, arrived, received: () => Buffer.concat(arrived.map(({ bytes }) => bytes)) };
}

const pace = fc.record({
  bytesPerSecond: fc.option(fc.integer({ min: 1, max: 10_000 })),
  latencyMs: fc.nat({ max: 500 }),
  halted: fc.boolean(),
});
const step = fc.record({
  bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  waitMs: fc.nat({ max: 300 }),
  pace,
});

describe("a paced line", () => {
  it("a paced line loses, changes and reorders nothing at any pace, and leaves no timer", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const clock = new ManualClock();
        let current = FULL_SPEED;
        const { line, received } = lineOf(clock, () => current);
        for (const { bytes, waitMs, pace: next } of steps) {
          line.send(Buffer.from(bytes));
          clock.advanceTo(clock.now() + waitMs);
          current = next;
          line.paceChanged();
        }
        current = FULL_SPEED;
        line.paceChanged();
        clock.advanceTo(clock.now() + 2000);
        expect(received()).toEqual(Buffer.concat(steps.map(({ bytes }) => bytes)));
        expect(line.queuedBytes).toBe(0);
        expect(clock.timers).toBe(0);
      }),
    );
  });

  it("a paced line keeps its rate, within one or two chunks", () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 5000 }), fc.integer({ min: 1, max: 20_000 }), (rate, length) => {
        const clock = new ManualClock();
        const { line, arrived, received } = lineOf(clock, () => ({ ...FULL_SPEED, bytesPerSecond: rate }));
        line.send(Buffer.alloc(length));
        const idealMs = (length / rate) * 1000;
        clock.advanceTo(Math.ceil(idealMs) + 100);
        expect(received().length).toBe(length);
        // The last chunk may be early by two chunks of 50 ms: the first chunk passes at once, and a line that was late
        // may catch up by one more chunk.
        const lastLumpAtMs = arrived.at(-1)?.atMs ?? 0;
        expect(lastLumpAtMs).toBeGreaterThanOrEqual(idealMs - 101);
      }),
    );
  });

  it("a paced line delays every byte by its latency without reducing the rate", () => {
    const clock = new ManualClock();
    const { line, arrived } = lineOf(clock, () => ({ ...FULL_SPEED, latencyMs: 50 }));
    for (const byte of [1, 2, 3]) {
      line.send(Buffer.of(byte));
      clock.advanceTo(clock.now() + 10);
    }
    clock.advanceTo(200);
    expect(arrived.map(({ atMs }) => atMs)).toEqual([50, 60, 70]);
  });

  it("a paced line calls back when few enough bytes are waiting, and delivers nothing after its end", () => {
    const clock = new ManualClock();
    let current: Pace = { ...FULL_SPEED, halted: true };
    const { line, received } = lineOf(clock, () => current);
    const told: string[] = [];
    line.send(Buffer.from("abc"));
    line.send(Buffer.from("defg"));
    line.whenAtMost(4, () => told.push("few"));
    expect(told).toEqual([]);
    current = { ...FULL_SPEED, bytesPerSecond: 20 };
    line.paceChanged();
    clock.advanceTo(100);
    expect(received().toString()).toBe("abc");
    expect(told).toEqual(["few"]);
    line.end();
    line.send(Buffer.from("late"));
    clock.advanceTo(10_000);
    expect(received().toString()).toBe("abc");
    expect(clock.timers).toBe(0);
  });
});

describe("how much a line buffers before its source waits", () => {
  const BUFFER = 256 * 1024;
  it.each<[string, Partial<Pace>, number]>([
    ["near: a socket's buffer", { bytesPerSecond: 1_000_000 }, BUFFER],
    [
      "far: the bytes in transit at its rate",
      { bytesPerSecond: 12_500_000, latencyMs: 40 },
      BUFFER + 500_000,
    ],
    ["very far or very fast: Linux's limit", { bytesPerSecond: 1e9, latencyMs: 100 }, BUFFER + 2 ** 22],
    ["far, of any speed: the same", { latencyMs: 1 }, BUFFER + 2 ** 22],
  ])("%s", (_name, pace, bytes) => {
    expect(mostQueuedBytes({ ...FULL_SPEED, ...pace })).toBe(bytes);
  });
});
