import type { Clock } from "../../lib/clock/clock.ts";

/** A clock on which everything takes a fraction of its time, so that a time limit of minutes is met in seconds. */
export function createFastClock(timesFaster: number): Clock & {
  /** Callbacks that are still waiting. */
  readonly pending: number;
} {
  const startedAt = Date.now();
  let pending = 0;
  return {
    now: () => startedAt + (Date.now() - startedAt) * timesFaster,
    after(delayMs, callback) {
      let isPending = true;
      const end = (): void => {
        if (isPending) pending -= 1;
        isPending = false;
      };
      pending += 1;
      const timer = setTimeout(() => {
        end();
        callback();
      }, delayMs / timesFaster);
      return () => {
        clearTimeout(timer);
        end();
      };
    },
    get pending() {
      return pending;
    },
  };
}
