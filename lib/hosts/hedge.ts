import type { Clock } from "../clock/clock.ts";
import { SlabmendError } from "../errors/slabmend-error.ts";

// One hedged request: how it goes.
//
//   racing ──needed successes──▶ enough ─┐
//     │ ───cannot be reached────▶ too few ├─▶ cancelling (until every attempt has settled) ─▶ resolved
//     └───signal────────────────▶ aborted ┘
//
// While racing: a failure starts another attempt at once, an interval without any success or failure starts one more.
// Always: no attempt is running and no timer is set once the promise has settled.

/** Why an attempt was cancelled although nobody gave the whole request up: others were faster, or it can't help any more. */
export class NoLongerNeededError extends SlabmendError<"no-longer-needed"> {
  constructor() {
    super({ code: "no-longer-needed", message: "no longer needed: others were faster", remedy: "Nothing." });
  }
}

export interface HedgeOptions<Source, Value> {
  /** In order of preference; taken one by one as they are needed, so a generator may skip those that failed elsewhere. */
  readonly candidates: Iterable<Source>;
  /** How many successes are wanted; as many attempts start at once. */
  readonly needed: number;
  /** Must end soon after the signal aborts: the request waits for it. */
  readonly attempt: (source: Source, signal: AbortSignal) => Promise<Value>;
  /** How long to wait for any success or failure before one more attempt starts. Asked anew each time. */
  readonly intervalMs: () => number;
  /** When too few can succeed: how long those under way may take to say so themselves, before they are cancelled. Default 0. */
  readonly patienceMs?: number;
  /** Most attempts at once. */
  readonly maxConcurrent?: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface HedgeSuccess<Source, Value> {
  readonly source: Source;
  readonly value: Value;
}

interface HedgeFailure<Source> {
  readonly source: Source;
  readonly cause: unknown;
}

export interface HedgeResult<Source, Value> {
  readonly kind: "enough" | "too-few" | "aborted";
  /** In the order in which they came; at most `needed`. */
  readonly successes: readonly HedgeSuccess<Source, Value>[];
  /** Attempts that failed of themselves; those that were cancelled are not among them. */
  readonly failures: readonly HedgeFailure<Source>[];
}

/** Resolves with the first successes, when all attempts have ended. Rejects only if `candidates` itself throws. */
export function hedge<Source, Value>(
  options: HedgeOptions<Source, Value>,
): Promise<HedgeResult<Source, Value>> {
  const { needed, attempt, intervalMs, patienceMs = 0, clock, signal } = options;
  const maxConcurrent = options.maxConcurrent ?? Number.POSITIVE_INFINITY;
  const candidates = options.candidates[Symbol.iterator]();
  const successes: HedgeSuccess<Source, Value>[] = [];
  const failures: HedgeFailure<Source>[] = [];
  const running = new Set<AbortController>();
  const settled = Promise.withResolvers<HedgeResult<Source, Value>>();
  let verdict: HedgeResult<Source, Value>["kind"] | undefined;
  let thrown: { readonly by: unknown } | undefined;
  let exhausted = false;
  let isHopeless = false;
  let stopTimer = () => {};

  const resolveWhenQuiet = () => {
    if (verdict === undefined || running.size > 0) return;
    if (thrown) settled.reject(thrown.by);
    else settled.resolve({ kind: verdict, successes, failures });
  };

  const decide = (kind: NonNullable<typeof verdict>) => {
    if (verdict !== undefined) return;
    verdict = kind;
    stopTimer();
    signal.removeEventListener("abort", onAbort);
    candidates.return?.();
    const reason: unknown = kind === "aborted" && !thrown ? signal.reason : new NoLongerNeededError();
    for (const controller of running) controller.abort(reason);
    resolveWhenQuiet();
  };
  const onAbort = () => decide("aborted");

  const run = async (source: Source, controller: AbortController) => {
    try {
      const value = await attempt(source, controller.signal);
      if (verdict === undefined) successes.push({ source, value });
    } catch (cause) {
      if (verdict === undefined) failures.push({ source, cause });
      running.delete(controller);
      if (verdict === undefined) startOne();
    }
    running.delete(controller);
    if (verdict === undefined) proceed();
    else resolveWhenQuiet();
  };

  const startOne = (): boolean => {
    if (exhausted || running.size >= maxConcurrent) return false;
    let next: IteratorResult<Source>;
    try {
      next = candidates.next();
    } catch (error) {
      exhausted = true;
      thrown = { by: error };
      decide("aborted");
      return false;
    }
    if (next.done) {
      exhausted = true;
      return false;
    }
    const controller = new AbortController();
    running.add(controller);
    void run(next.value, controller);
    return true;
  };

  /** After every success and failure: enough, hopeless, or go on with a fresh interval. */
  const proceed = () => {
    if (successes.length >= needed) return decide("enough");
    while (verdict === undefined && running.size + successes.length < needed && startOne());
    if (verdict !== undefined) return;
    if (exhausted && running.size + successes.length < needed) return giveUp();
    waitForProgress();
  };

  const giveUp = () => {
    if (patienceMs === 0 || running.size === 0) return decide("too-few");
    if (isHopeless) return;
    isHopeless = true;
    stopTimer();
    stopTimer = clock.after(patienceMs, () => decide("too-few"));
  };

  const waitForProgress = () => {
    stopTimer();
    if (exhausted) return;
    stopTimer = clock.after(intervalMs(), () => {
      startOne();
      if (verdict === undefined) waitForProgress();
    });
  };

  if (signal.aborted) decide("aborted");
  else {
    signal.addEventListener("abort", onAbort, { once: true });
    proceed();
  }
  return settled.promise;
}
