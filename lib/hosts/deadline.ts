import type { Clock } from "../clock/clock.ts";

export interface Limits {
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** The caller's signal, and any others that can end the work. */
  readonly signals: readonly AbortSignal[];
  readonly onDeadline: () => Error;
  readonly onAbort: (reason: unknown) => Error;
}

/**
 * Calls `run` with a signal that aborts at the deadline or as soon as one of `signals` aborts. The signal's reason is
 * the error that `onDeadline` or `onAbort` returns. Settles only when `run` has ended, so that nothing continues
 * unnoticed, and leaves no timer and no listener.
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
