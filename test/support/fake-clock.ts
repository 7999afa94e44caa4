import type { Clock } from "../../lib/clock/clock.ts";

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Moves time on, calling what is due in order; awaits a turn after each call so that promises can follow. */
  advance(byMs: number): Promise<void>;
  /** Moves time on without calling anything, as when a process was stopped; the next `advance` calls what is due. */
  skip(byMs: number): void;
  /** Callbacks that are still waiting; 0 when everything was cleaned up. */
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
