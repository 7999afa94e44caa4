interface Flight<Value> {
  readonly promise: Promise<Value>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Work that several callers wait for: it starts with the first caller, and is aborted when the last one has given
 * up. Its result is passed to all waiting callers and then forgotten.
 */
export class Singleflight<Value> {
  readonly #start: (signal: AbortSignal) => Promise<Value>;
  #current: Flight<Value> | undefined;
  readonly #running = new Set<Promise<unknown>>();

  constructor(start: (signal: AbortSignal) => Promise<Value>) {
    this.#start = start;
  }

  /** Rejects with the signal's reason if the signal aborts first. */
  async join(signal: AbortSignal): Promise<Value> {
    signal.throwIfAborted();
    const flight = this.#current ?? this.#takeOff();
    flight.waiting++;
    const aborted = Promise.withResolvers<never>();
    const giveUp = () => aborted.reject(signal.reason as Error);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([flight.promise, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", giveUp);
      flight.waiting--;
      if (flight.waiting === 0 && signal.aborted) this.#abort(flight, signal.reason);
    }
  }

  /** Resolves when no work is in progress, even if the work failed. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  #takeOff(): Flight<Value> {
    const controller = new AbortController();
    const promise = this.#start(controller.signal);
    const flight: Flight<Value> = { promise, controller, waiting: 0 };
    const land = () => {
      this.#running.delete(promise);
      if (this.#current === flight) this.#current = undefined;
    };
    this.#running.add(promise);
    this.#current = flight;
    promise.then(land, land);
    return flight;
  }

  #abort(flight: Flight<Value>, reason: unknown): void {
    // Later callers start a new call, because this one can only fail.
    if (this.#current === flight) this.#current = undefined;
    flight.controller.abort(reason);
  }
}
