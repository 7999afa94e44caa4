import type { Clock } from "../clock/clock.ts";

export interface Limits {
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** The caller's, and any other that can end it. */
  readonly signals: readonly AbortSignal[];
  readonly onDeadline: () => Error;
  readonly onAbort: (reason: unknown) => Error;
}

/**
 * Runs something with a signal that aborts at a deadline or with another signal; its reason is what the two makers of
 * errors return. Waits until `run` has ended, so that nothing goes on behind the caller's back; leaves no timer and no listener.
 */
export async function withinLimits<Value>(
  limits: Limits,
  run: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const controller = new AbortController();
  const aborts = limits.signals.map((signal) => {
    const abort = () => controller.abort(limits.onAbort(signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return () => signal.removeEventListener("abort", abort);
  });
  const stopTimer = limits.clock.after(limits.deadlineMs, () => controller.abort(limits.onDeadline()));
  try {
    controller.signal.throwIfAborted();
    return await run(controller.signal);
  } finally {
    stopTimer();
    for (const remove of aborts) remove();
  }
}
