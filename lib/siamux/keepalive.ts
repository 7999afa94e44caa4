import type { MuxClock } from "./mux.ts";
import { KEEPALIVE_ATTEMPTS_TO_CLOSE } from "./wire-format.ts";

/**
 * Decides when a keepalive is due, and when the connection has been idle for too long: at the fourth keepalive in a row
 * without a frame sent or received in between. A received keepalive does not count as a frame.
 */
export class Keepalive {
  readonly #clock: MuxClock;
  readonly #intervalMs: number;
  readonly #onDue: () => void;
  readonly #onInactive: () => void;
  #attempts = 0;
  #lastWriteMs: number;
  #cancelTimer: () => void;

  constructor(parts: { clock: MuxClock; intervalMs: number; onDue: () => void; onInactive: () => void }) {
    this.#clock = parts.clock;
    this.#intervalMs = parts.intervalMs;
    this.#onDue = parts.onDue;
    this.#onInactive = parts.onInactive;
    this.#lastWriteMs = parts.clock.now();
    this.#cancelTimer = this.#startTimer(this.#intervalMs);
  }

  /** Called after any write, including a keepalive. */
  wrote(): void {
    this.#lastWriteMs = this.#clock.now();
  }

  /** Called after a frame other than a keepalive was sent or received. */
  sawFrame(): void {
    this.#attempts = 0;
  }

  stop(): void {
    this.#cancelTimer();
  }

  // The timer is not moved with every write; if it fires early, it is set again for the remaining time.
  #startTimer(delayMs: number): () => void {
    return this.#clock.startTimer(() => {
      const restMs = Math.ceil(this.#lastWriteMs + this.#intervalMs - this.#clock.now());
      if (restMs > 0) {
        this.#cancelTimer = this.#startTimer(restMs);
        return;
      }
      this.#attempts += 1;
      if (this.#attempts >= KEEPALIVE_ATTEMPTS_TO_CLOSE) {
        this.#onInactive();
        return;
      }
      this.#cancelTimer = this.#startTimer(this.#intervalMs);
      this.#onDue();
    }, delayMs);
  }
}
