/**
 * Equal-sized views of the kernel's memory, handed out first come, first served. Views of the same size cannot fragment
 * the memory.
 */
export class BufferPool {
  readonly total: number;
  readonly #free: Uint8Array[];
  readonly #waiting: { resolve: (buffer: Uint8Array) => void; reject: (cause: unknown) => void }[] = [];
  #whenAllFree: ((buffers: readonly Uint8Array[]) => void) | undefined;

  constructor(buffers: readonly Uint8Array[]) {
    this.total = buffers.length;
    this.#free = [...buffers];
  }

  get freeCount(): number {
    return this.#free.length;
  }

  /** @throws the signal's reason when it aborts before a buffer is free */
  async take(signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const buffer = this.#free.pop();
    if (buffer !== undefined) return buffer;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const waiter = { resolve, reject };
    this.#waiting.push(waiter);
    const onAbort = (): void => {
      const position = this.#waiting.indexOf(waiter);
      if (position < 0) return; // a buffer was handed over already
      this.#waiting.splice(position, 1);
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  give(buffer: Uint8Array): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#free.push(buffer);
    else waiter.resolve(buffer);
    this.#settle();
  }

  /** Stops handing out buffers. Calls back once, when every buffer has been returned. */
  close(whenAllFree: (buffers: readonly Uint8Array[]) => void): void {
    this.#whenAllFree = whenAllFree;
    this.#settle();
  }

  #settle(): void {
    if (this.#free.length < this.total) return;
    const whenAllFree = this.#whenAllFree;
    this.#whenAllFree = undefined;
    whenAllFree?.(this.#free);
  }
}

/** Cuts buffers into equal ranges. `rangeBytes` must divide the length of each buffer. */
export function cutIntoRanges(buffers: readonly Uint8Array[], rangeBytes: number): Uint8Array[] {
  return buffers.flatMap((buffer) => {
    const ranges: Uint8Array[] = [];
    for (let offset = 0; offset < buffer.length; offset += rangeBytes) {
      ranges.push(buffer.subarray(offset, offset + rangeBytes));
    }
    return ranges;
  });
}
