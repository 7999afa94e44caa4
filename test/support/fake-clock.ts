import type { Clock } from "../../lib/clock/clock.ts";

/** A clock that stands still until it is advanced. */
export interface FakeClock extends Clock {
  /** Advances time and calls due callbacks in order; awaits a turn after each call so that promises can settle. */
  advance(byMs: number): Promise<void>;
  /** Advances time without calling anything, as if the process was stopped; the next `advance` calls due callbacks. */
  skip(byMs: number): void;
  /** Waiting callbacks; 0 if everything was cleaned up. */
  readonly pending: number;
}

export function createFakeClock(startMs = 1_700_000_000_000): FakeClock {
  let nowMs = startMs;
  const waiting = new Set<{ readonly at: number; readonly callback: () => void }>();
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    now: () => nowMs,
    after(delayMs, callback) {
      const entry = { at: nowMs + Math.max(0, delayMs), callback };
      waiting.add(entry);
      return () => waiting.delete(entry);
    },
    async advance(byMs) {
      const end = nowMs + byMs;
      for (;;) {
        const due = [...waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        waiting.delete(due);
        nowMs = Math.max(nowMs, due.at);
        due.callback();
        await turn();
      }
      nowMs = end;
      await turn();
    },
    skip(byMs) {
      nowMs += byMs;
    },
    get pending() {
      return waiting.size;
    },
  };
}
