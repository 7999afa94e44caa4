import type { MuxClock } from "./mux.ts";

/**
 * Number of ticks in a row without traffic that count as silence. One tick would be too few: a process that was frozen
 * needs time to read what arrived meanwhile.
 */
const SILENT_TICKS = 3;

/**
 * Detects a connection without traffic while a stream waits. Checks three times per `maxSilenceMs`, and only while a
 * stream waits. Reports silence after `maxSilenceMs` of waiting without traffic, or up to a third later.
 */
export class Silence {
  readonly #clock: MuxClock;
  readonly #tickMs: number;
  readonly #isWaiting: () => boolean;
  readonly #onSilent: () => void;
  #silentTicks = 0;
  #moved = false;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(parts: {
    clock: MuxClock;
    maxSilenceMs: number;
    isWaiting: () => boolean;
    onSilent: () => void;
  }) {
    this.#clock = parts.clock;
    this.#tickMs = parts.maxSilenceMs / SILENT_TICKS;
    this.#isWaiting = parts.isWaiting;
    this.#onSilent = parts.onSilent;
  }

  /** Called when a stream begins to wait. */
  waits(): void {
    if (this.#cancelTimer !== undefined || this.#isStopped) return;
    this.#silentTicks = 0;
    this.#moved = false;
    this.#startTimer();
  }

  /** Called when bytes arrived, or when a transport that was full has space for our bytes again. */
  moved(): void {
    this.#moved = true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #startTimer(): void {
    this.#cancelTimer = this.#clock.startTimer(() => this.#tick(), this.#tickMs);
  }

  #tick(): void {
    this.#cancelTimer = undefined;
    if (!this.#isWaiting()) return;
    this.#silentTicks = this.#moved ? 0 : this.#silentTicks + 1;
    this.#moved = false;
    if (this.#silentTicks >= SILENT_TICKS) this.#onSilent();
    else this.#startTimer();
  }
}
