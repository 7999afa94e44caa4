/** Limits the units held at the same time to `capacity`; first come, first served. */
export class Semaphore {
  readonly #capacity: number;
  #held = 0;
  #queue: { readonly units: number; readonly enter: () => void }[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * Waits for `units`; returns a function that releases them and may be called more than once. A request for more than
   * the capacity waits for all units. Rejects with the signal's reason if the signal aborts first.
   */
  async enter(units: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const wanted = Math.min(units, this.#capacity);
    if (this.#queue.length > 0 || this.#held + wanted > this.#capacity) await this.#wait(wanted, signal);
    else this.#held += wanted;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#held -= wanted;
      this.#letIn();
    };
  }

  #wait(units: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = {
        units,
        enter: () => {
          signal.removeEventListener("abort", giveUp);
          resolve();
        },
      };
      const giveUp = () => {
        this.#queue = this.#queue.filter((other) => other !== waiting);
        reject(signal.reason as Error);
        this.#letIn();
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#queue.push(waiting);
    });
  }

  #letIn(): void {
    for (
      let next = this.#queue[0];
      next && this.#held + next.units <= this.#capacity;
      next = this.#queue[0]
    ) {
      this.#queue.shift();
      this.#held += next.units;
      next.enter();
    }
  }
}
