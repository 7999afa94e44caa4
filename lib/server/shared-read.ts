import type { Clock } from "../clock/clock.ts";

/** One read for all who ask within `maxAgeMs` of its start, or while it is under way. A failure is shared as long. */
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
