interface Flight<Value> {
  readonly promise: Promise<Value>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * One piece of work that several callers wait for: it starts with the first, and is aborted when the last has given
 * up. Its result is handed to those who wait and then forgotten.
 */
export class Singleflight<Value> {
  readonly #start: (signal: AbortSignal) => Promise<Value>;
  #current: Flight<Value> | undefined;
  readonly #running = new Set<Promise<unknown>>();

  constructor(start: (signal: AbortSignal) => Promise<Value>) {
    this.#start = start;
  }

  /** Rejects with the signal's reason when that aborts first. */
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

  /** Resolves when nothing is under way, also when it failed. */
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
    // A later caller starts a flight of its own: this one will only fail.
    if (this.#current === flight) this.#current = undefined;
    flight.controller.abort(reason);
  }
}
