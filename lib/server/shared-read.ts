import type { Clock } from "../clock/clock.ts";

/**
 * Lets callers share reads. A call starts a read only if no read is running and the last one started at least
 * `maxAgeMs` ago; any other call gets the result, or the failure, of the latest read.
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
