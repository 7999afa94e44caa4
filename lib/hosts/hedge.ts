import type { Clock } from "../clock/clock.ts";
import { SlabmendError } from "../errors/slabmend-error.ts";

// States of one hedged request:
//
//   racing ──needed successes──▶ enough ─┐
//     │ ───cannot be reached────▶ too few ├─▶ cancelling (until every attempt has settled) ─▶ resolved
//     └───signal────────────────▶ aborted ┘
//
// While racing: a failure starts another attempt immediately; an interval without any success or failure starts one
// more. Always: once the promise has settled, no attempt is running and no timer is set.

/**
 * The wait of one interval is divided into this many steps. A step that took longer than planned counts only with its
 * planned length: the process may have been suspended, and a suspended process receives no answers. Between two steps
 * the process receives the answers that arrived meanwhile.
 */
const STEPS_OF_INTERVAL = 4;

/**
 * Why one attempt, rather than the whole request, was cancelled: others were faster, or the attempt can no longer help.
 */
export class NoLongerNeededError extends SlabmendError<"no-longer-needed"> {
  constructor() {
    super({
      code: "no-longer-needed",
      message: "attempt cancelled: other attempts were faster, or too few can succeed",
      remedy: "Nothing.",
    });
  }
}

export interface HedgeOptions<Source, Value> {
  /**
   * In order of preference. A generator may skip sources that failed elsewhere meanwhile, because each source is taken
   * only when needed.
   */
  readonly candidates: Iterable<Source>;
  /** Number of successes wanted; as many attempts start immediately. */
  readonly needed: number;
  /** Must settle soon after the signal aborts, because the hedged request waits for every attempt. */
  readonly attempt: (source: Source, signal: AbortSignal) => Promise<Value>;
  /**
   * How long to wait for any success or failure before one more attempt starts. Called several times during the wait.
   */
  readonly intervalMs: () => number;
  /**
   * When so many attempts have failed that `needed` successes are impossible: how long the running attempts may take to
   * end by themselves before they are cancelled. Default 0.
   */
  readonly patienceMs?: number;
  /** Maximum number of attempts at the same time. */
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
  /** At most `needed` successes, in order of arrival. */
  readonly successes: readonly HedgeSuccess<Source, Value>[];
  /** Attempts that failed by themselves; cancelled ones are not included. */
  readonly failures: readonly HedgeFailure<Source>[];
}

/** Resolves with the first successes, once all attempts have ended. Rejects only if `candidates` itself throws. */
export function hedge<Source, Value>(
  options: HedgeOptions<Source, Value>,
): Promise<HedgeResult<Source, Value>> {
  return new HedgedRequest(options).start();
}

class HedgedRequest<Source, Value> {
  readonly #options: HedgeOptions<Source, Value>;
  readonly #candidates: Iterator<Source>;
  readonly #successes: HedgeSuccess<Source, Value>[] = [];
  readonly #failures: HedgeFailure<Source>[] = [];
  readonly #running = new Set<AbortController>();
  readonly #settled = Promise.withResolvers<HedgeResult<Source, Value>>();
  /** Undefined while racing. */
  #verdict: HedgeResult<Source, Value>["kind"] | undefined;
  #thrown: { readonly by: unknown } | undefined;
  #isExhausted = false;
  #isHopeless = false;
  #stopTimer = (): void => {};

  constructor(options: HedgeOptions<Source, Value>) {
    this.#options = options;
    this.#candidates = options.candidates[Symbol.iterator]();
  }

  start(): Promise<HedgeResult<Source, Value>> {
    const { signal } = this.#options;
    if (signal.aborted) this.#decide("aborted");
    else {
      signal.addEventListener("abort", this.#onAbort, { once: true });
      this.#proceed();
    }
    return this.#settled.promise;
  }

  readonly #onAbort = (): void => this.#decide("aborted");

  /**
   * Called at the start and after every success and failure. Decides whether there are enough successes, whether there
   * can no longer be enough, or whether a new interval begins.
   */
  #proceed(): void {
    const { needed } = this.#options;
    const isShort = (): boolean => this.#running.size + this.#successes.length < needed;
    if (this.#successes.length >= needed) this.#decide("enough");
    while (this.#verdict === undefined && isShort() && this.#startOne());
    if (this.#verdict !== undefined) return;
    if (this.#isExhausted && isShort()) this.#giveUp();
    else this.#waitForProgress();
  }

  /** @returns whether an attempt was started */
  #startOne(): boolean {
    const { maxConcurrent = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#isExhausted || this.#running.size >= maxConcurrent) return false;
    let next: IteratorResult<Source>;
    try {
      next = this.#candidates.next();
    } catch (error) {
      this.#isExhausted = true;
      this.#thrown = { by: error };
      this.#decide("aborted");
      return false;
    }
    if (next.done) {
      this.#isExhausted = true;
      return false;
    }
    const controller = new AbortController();
    this.#running.add(controller);
    void this.#run(next.value, controller);
    return true;
  }

  async #run(source: Source, controller: AbortController): Promise<void> {
    try {
      const value = await this.#options.attempt(source, controller.signal);
      if (this.#verdict === undefined) this.#successes.push({ source, value });
    } catch (cause) {
      if (this.#verdict === undefined) this.#failures.push({ source, cause });
      this.#running.delete(controller);
      if (this.#verdict === undefined) this.#startOne();
    }
    this.#running.delete(controller);
    if (this.#verdict === undefined) this.#proceed();
    else this.#resolveWhenQuiet();
  }

  #waitForProgress(): void {
    this.#stopTimer();
    if (!this.#isExhausted) this.#waitOneStep(0);
  }

  #waitOneStep(waitedMs: number): void {
    const { intervalMs, clock } = this.#options;
    const now = intervalMs();
    const stepMs = Math.min(now - waitedMs, now / STEPS_OF_INTERVAL);
    this.#stopTimer = clock.after(stepMs, () => {
      if (waitedMs + stepMs < intervalMs()) {
        this.#waitOneStep(waitedMs + stepMs);
        return;
      }
      this.#startOne();
      if (this.#verdict === undefined) this.#waitForProgress();
    });
  }

  #giveUp(): void {
    const { patienceMs = 0, clock } = this.#options;
    if (patienceMs === 0 || this.#running.size === 0) this.#decide("too-few");
    if (this.#verdict !== undefined || this.#isHopeless) return;
    this.#isHopeless = true;
    this.#stopTimer();
    this.#stopTimer = clock.after(patienceMs, () => this.#decide("too-few"));
  }

  #decide(kind: HedgeResult<Source, Value>["kind"]): void {
    if (this.#verdict !== undefined) return;
    const { signal } = this.#options;
    this.#verdict = kind;
    this.#stopTimer();
    signal.removeEventListener("abort", this.#onAbort);
    this.#candidates.return?.();
    const reason: unknown = kind === "aborted" && !this.#thrown ? signal.reason : new NoLongerNeededError();
    for (const controller of this.#running) controller.abort(reason);
    this.#resolveWhenQuiet();
  }

  #resolveWhenQuiet(): void {
    if (this.#verdict === undefined || this.#running.size > 0) return;
    if (this.#thrown) this.#settled.reject(this.#thrown.by);
    else {
      this.#settled.resolve({ kind: this.#verdict, successes: this.#successes, failures: this.#failures });
    }
  }
}
