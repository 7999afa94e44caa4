import type { Clock } from "../../clock/clock.ts";
import { sleep } from "../../clock/sleep.ts";
import { retryDelayMs } from "./retry-transaction.ts";

/** Two losses of connections that are further apart than this are treated as unrelated. */
const FORGET_AFTER_MS = 10_000;
/** Failures beyond this number do not increase the delay further. */
const MOST_COUNTED = 10;

/**
 * When the next connection to a server may be tried: immediately after the first failure or loss, then after growing
 * delays of up to a few seconds. All callers wait, so a server that closes each connection at once is not overloaded
 * with new ones.
 */
export class ConnectionPace {
  readonly #clock: Clock;
  readonly #random: () => number;
  #failures = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  async wait(signal: AbortSignal): Promise<void> {
    // A single failure may be an ordinary restart: reconnect immediately.
    if (this.#failures <= 1) return;
    const delayMs = retryDelayMs("connection-lost", this.#failures - 1, this.#random());
    // If the clock was set back, the delay must not grow.
    const passedMs = Math.max(0, this.#clock.now() - this.#failedAtMs);
    if (passedMs < delayMs) await sleep(this.#clock, delayMs - passedMs, signal);
  }

  failed(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#failedAtMs > FORGET_AFTER_MS) this.#failures = 0;
    this.#failures = Math.min(this.#failures + 1, MOST_COUNTED);
    this.#failedAtMs = nowMs;
  }

  /** A connection was used and then ended by us: the server is healthy. */
  succeeded(): void {
    this.#failures = 0;
  }
}
