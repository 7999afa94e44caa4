import type { Clock } from "../../clock/clock.ts";

export interface Heartbeat {
  /** Aborts with {@link LeaseLost} as reason if the lease could not be extended in time. */
  readonly signal: AbortSignal;
  /** Sends the next heartbeat within this time, because there is something to record. */
  beatWithin(ms: number): void;
  /** Ends the heartbeats and waits for a running one, at most until the lease expires. */
  stop(): Promise<void>;
}

/** Why a repair stopped before its end: another worker may have the slab now. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly leaseMs: number;
  readonly extend: () => Promise<boolean>;
  readonly onFailure: (cause: unknown) => void;
}

/**
 * Extends a lease every `everyMs`. If `extend` answers `false` (the lease has expired, was reaped or was taken), the
 * repair ends immediately. If a heartbeat fails (the database is briefly unavailable), the next one tries again, until
 * the lease has expired by our own clock: after `leaseMs` without an answer the repair ends.
 */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  return new RunningHeartbeat(options);
}

class RunningHeartbeat implements Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #lost = new AbortController();
  #lastExtendedAt: number;
  #cancelTimer = (): void => {};
  #cancelWatch = (): void => {};
  #beating: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** When the next heartbeat is due; undefined: one is running. */
  #dueAt: number | undefined;
  #soonestMs: number;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#lastExtendedAt = options.clock.now();
    this.#soonestMs = options.everyMs;
    this.#schedule();
    this.#watch(this.#lastExtendedAt);
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  beatWithin(ms: number): void {
    this.#soonestMs = Math.min(this.#soonestMs, ms);
    if (this.#dueAt !== undefined && this.#options.clock.now() + ms < this.#dueAt) this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer();
    // If a heartbeat hangs, wait for it only until the lease has expired: then its answer no longer matters.
    const lost = Promise.withResolvers<void>();
    const onLost = (): void => lost.resolve();
    this.signal.addEventListener("abort", onLost, { once: true });
    if (!this.signal.aborted) await Promise.race([this.#beating, lost.promise]);
    this.signal.removeEventListener("abort", onLost);
    this.#cancelWatch();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock } = this.#options;
    this.#cancelTimer();
    this.#dueAt = clock.now() + this.#soonestMs;
    this.#cancelTimer = clock.after(this.#soonestMs, () => {
      this.#beating = this.#beat();
    });
  }

  async #beat(): Promise<void> {
    const { clock, everyMs, leaseMs, extend, onFailure } = this.#options;
    const sentAt = clock.now();
    this.#soonestMs = everyMs;
    this.#dueAt = undefined;
    // A process that was suspended continues here first: it must not act on an expired lease.
    if (sentAt - this.#lastExtendedAt >= leaseMs) {
      this.#lose("the lease ran out before it could be extended");
      return;
    }
    try {
      if (!(await extend())) {
        this.#lose("the lease is no longer ours");
        return;
      }
      this.#lastExtendedAt = sentAt;
      if (!this.signal.aborted) this.#watch(sentAt);
    } catch (cause) {
      onFailure(cause);
    }
    this.#schedule();
  }

  /** Ends the repair when the lease has expired, even if a call of `extend` hangs. */
  #watch(fromMs: number): void {
    const { clock, leaseMs } = this.#options;
    this.#cancelWatch();
    this.#cancelWatch = clock.after(fromMs + leaseMs - clock.now(), () =>
      this.#lose("the lease could not be extended in time"),
    );
  }

  #lose(message: string): void {
    this.#isStopped = true;
    this.#cancelTimer();
    this.#cancelWatch();
    this.#lost.abort(new LeaseLost(message));
  }
}
