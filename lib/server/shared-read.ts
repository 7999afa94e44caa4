import type { Clock } from "../clock/clock.ts";

/**
 * All callers within `maxAgeMs` of the start of a read, or while the read runs, get the result of this read. A
 * failure is shared in the same way.
 */
export function shareRead<Value>(
  read: () => Promise<Value>,
  { clock, maxAgeMs }: { readonly clock: Pick<Clock, "now">; readonly maxAgeMs: number },
): () => Promise<Value> {
  let last:
    | { readonly startedAtMs: number; readonly reading: Promise<Value>; isUnderWay: boolean }
    | undefined;
  return () => {
    const nowMs = clock.now();
    if (last !== undefined && (last.isUnderWay || nowMs - last.startedAtMs < maxAgeMs)) return last.reading;
    const reading = read();
    const mine = { startedAtMs: nowMs, reading, isUnderWay: true };
    const done = (): void => {
      mine.isUnderWay = false;
    };
    reading.then(done, done);
    last = mine;
    return reading;
  };
}
