/**
 * Waits for conditions that no event announces, such as the end of another process. Every wait ends: at the limit it
 * fails with the last observed value. The limit is for hanging tests, and does not test speed.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { inspect, isDeepStrictEqual } from "node:util";

export interface Waiting {
  /** Default 60 s. */
  readonly limitMs?: number;
  /** Time between two checks, default 10 ms; 0: one turn of the event loop. */
  readonly everyMs?: number;
  /** Text that is added to the error. */
  readonly explain?: () => string;
}

/** Polls until `isReached` accepts the value, and returns the value. By default every truthy value is accepted. */
export async function until<Value>(
  look: () => Value | Promise<Value>,
  isReached: (value: Value) => boolean = Boolean,
  { limitMs = 60_000, everyMs = 10, explain = () => "" }: Waiting = {},
): Promise<Value> {
  for (const deadline = Date.now() + limitMs; ; await (everyMs === 0 ? nextTurn() : sleep(everyMs))) {
    const seen = await look();
    if (isReached(seen)) return seen;
    if (Date.now() > deadline) {
      throw new Error(`not within ${limitMs} ms; seen last: ${inspect(seen)}\n${explain()}`);
    }
  }
}

/** Polls until the value equals `expected`. */
export async function untilEqual<Value>(
  look: () => Value | Promise<Value>,
  expected: Value,
  waiting: Waiting = {},
): Promise<void> {
  await until(look, (seen) => isDeepStrictEqual(seen, expected), {
    explain: () => `expected: ${inspect(expected)}`,
    ...waiting,
  });
}
