import type { Clock } from "../../lib/clock/clock.ts";

/** A clock that runs faster, so that a limit of minutes is reached in seconds. */
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
