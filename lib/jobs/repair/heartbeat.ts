import type { Clock } from "../../clock/clock.ts";

export interface Heartbeat {
  /** Aborts with {@link LeaseLost} when the lease could not be extended in time. */
  readonly signal: AbortSignal;
  /** The next beat comes within this time: there is something to say. */
  beatWithin(ms: number): void;
  /** Ends the beats and waits for one that is under way, at most until the lease is over. */
  stop(): Promise<void>;
}

/** Why a repair stopped in the middle: somebody else may own the slab now. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/**
 * Extends a lease every `everyMs`. An answer of `false` (expired, reaped or taken) ends the repair at once. A beat
 * that fails (the database is away for a moment) is tried again by the next one, until the lease would have run out
 * by our own clock: after `leaseMs` without an answer the repair ends, whatever the reason.
 */
export function startHeartbeat(options: {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly leaseMs: number;
  readonly extend: () => Promise<boolean>;
  readonly onFailure: (cause: unknown) => void;
}): Heartbeat {
  const { clock, everyMs, leaseMs, extend, onFailure } = options;
  const controller = new AbortController();
  let lastExtendedAt = clock.now();
  let cancelTimer: (() => void) | undefined;
  let cancelWatch: (() => void) | undefined;
  let beating: Promise<void> = Promise.resolve();
  let stopped = false;
  /** When the next beat is due; undefined: one is under way. */
  let dueAt: number | undefined;
  let soonestMs = everyMs;

  const lose = (message: string): void => {
    stopped = true;
    cancelTimer?.();
    cancelWatch?.();
    controller.abort(new LeaseLost(message));
  };

  /** An extension that hangs must not keep the repair alive either. */
  const watch = (fromMs: number): void => {
    cancelWatch?.();
    cancelWatch = clock.after(fromMs + leaseMs - clock.now(), () =>
      lose("the lease could not be extended in time"),
    );
  };

  const beat = async (): Promise<void> => {
    const sentAt = clock.now();
    soonestMs = everyMs;
    dueAt = undefined;
    // A process that was stopped wakes up here first: it must not act on a lease that is over.
    if (sentAt - lastExtendedAt >= leaseMs) return lose("the lease ran out before it could be extended");
    try {
      if (!(await extend())) return lose("the lease is no longer ours");
      lastExtendedAt = sentAt;
      if (!controller.signal.aborted) watch(sentAt);
    } catch (cause) {
      onFailure(cause);
    }
    schedule();
  };

  const schedule = (): void => {
    if (stopped) return;
    cancelTimer?.();
    dueAt = clock.now() + soonestMs;
    cancelTimer = clock.after(soonestMs, () => {
      beating = beat();
    });
  };

  schedule();
  watch(lastExtendedAt);
  return {
    signal: controller.signal,
    beatWithin(ms) {
      soonestMs = Math.min(soonestMs, ms);
      if (dueAt !== undefined && clock.now() + ms < dueAt) schedule();
    },
    async stop() {
      stopped = true;
      cancelTimer?.();
      // A beat that hangs is waited for until the lease would be over; then its answer means nothing any more.
      const lost = Promise.withResolvers<void>();
      const onLost = (): void => lost.resolve();
      controller.signal.addEventListener("abort", onLost, { once: true });
      if (!controller.signal.aborted) await Promise.race([beating, lost.promise]);
      controller.signal.removeEventListener("abort", onLost);
      cancelWatch?.();
    },
  };
}
