import { Duplex } from "node:stream";

/** Bytes that one end accepts before its writers must wait. */
const IN_FLIGHT_BYTES = 65_536;
const CHUNKS_PER_TURN = 64;

/** One end of an in-memory connection. */
export class MemoryEnd extends Duplex {
  /** Everything that was ever written into this end. */
  readonly written: Buffer[] = [];
  #peer: MemoryEnd | undefined;
  readonly #chunkSizes: () => number;
  #incoming: Buffer = Buffer.alloc(0);
  #peerEnded = false;
  #waitingWriters: (() => void)[] = [];
  #wants = false;
  #isScheduled = false;
  #isStalled = false;

  constructor(chunkSizes: () => number) {
    super({ allowHalfOpen: false, highWaterMark: IN_FLIGHT_BYTES });
    this.#chunkSizes = chunkSizes;
  }

  join(peer: MemoryEnd): void {
    this.#peer = peer;
  }

  get #other(): MemoryEnd {
    if (this.#peer === undefined) throw new Error("join the ends first");
    return this.#peer;
  }

  get writtenBytes(): Buffer {
    return Buffer.concat(this.written);
  }

  /** While this end is stalled, nothing arrives at it, and the buffer of the other end fills up. */
  stall(isStalled: boolean): void {
    this.#isStalled = isStalled;
    this.#schedule();
  }

  override _read(): void {
    this.#wants = true;
    this.#schedule();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    this.#other.#receive(chunk, done);
  }

  override _final(done: () => void): void {
    this.#other.#receiveEnd();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#other.#receiveEnd();
    this.#release();
    done(error);
  }

  #receive(chunk: Buffer, done: () => void): void {
    this.#incoming = Buffer.concat([this.#incoming, chunk]);
    this.#waitingWriters.push(done);
    this.#schedule();
  }

  #receiveEnd(): void {
    this.#peerEnded = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isStalled || this.destroyed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#isStalled) return;
    for (let i = 0; i < CHUNKS_PER_TURN && this.#wants && this.#incoming.length > 0; i++) {
      const size = Math.min(this.#chunkSizes(), this.#incoming.length);
      const chunk = this.#incoming.subarray(0, size);
      this.#incoming = this.#incoming.subarray(size);
      this.#wants = this.push(chunk);
    }
    if (this.#incoming.length < IN_FLIGHT_BYTES) this.#release();
    if (this.#incoming.length === 0 && this.#peerEnded && !this.readableEnded) this.push(null);
    else if (this.#incoming.length > 0 && this.#wants) this.#schedule();
  }

  #release(): void {
    for (const done of this.#waitingWriters.splice(0)) done();
  }
}

/**
 * Two connected ends. Data written to one end arrives at the other end in chunks, which have the given sizes in turn.
 */
export function memoryPair(chunkSizes: readonly number[] = [65_536]): [MemoryEnd, MemoryEnd] {
  let turn = 0;
  const next = () => Math.max(1, chunkSizes[turn++ % chunkSizes.length] ?? 1);
  const [left, right] = [new MemoryEnd(next), new MemoryEnd(next)];
  left.join(right);
  right.join(left);
  return [left, right];
}
