import type { Clock } from "../../clock/clock.ts";
import { sleep } from "../../clock/sleep.ts";
import { retryDelayMs } from "./retry-transaction.ts";

/** Losses that are further apart have nothing to do with each other. */
const FORGET_AFTER_MS = 10_000;
/** Further failures change the delay no more. */
const MOST_COUNTED = 10;

/**
 * How soon the next connection to one server may be tried: at once after the first that failed or was lost,
 * then later and later, up to some seconds. It bounds what a process does to a server that accepts and closes, whatever loops around it.
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
    // Any server restarts once: its connections are made again at once.
    if (this.#failures <= 1) return;
    const delayMs = retryDelayMs("connection-lost", this.#failures - 1, this.#random());
    // A clock that was set back must not make it longer.
    const passedMs = Math.max(0, this.#clock.now() - this.#failedAtMs);
    if (passedMs < delayMs) await sleep(this.#clock, delayMs - passedMs, signal);
  }

  failed(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#failedAtMs > FORGET_AFTER_MS) this.#failures = 0;
    this.#failures = Math.min(this.#failures + 1, MOST_COUNTED);
    this.#failedAtMs = nowMs;
  }

  /** A connection was used and ended by us: the server is well. */
  succeeded(): void {
    this.#failures = 0;
  }
}
