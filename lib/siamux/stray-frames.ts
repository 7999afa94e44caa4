/**
 * Number of closed streams to remember. The Go peer instead remembers each closed stream for a minute. A limit by
 * number needs no timer, and tolerates hosts that stall for more than a minute in the middle of a sector whose read
 * was cancelled.
 */
const MAX_REMEMBERED_STREAMS = 4_096;

export type StrayVerdict = "tolerated" | "flood" | "unknown";

/** Counts frames that arrive for streams that we closed before the peer did. */
export class StrayFrames {
  readonly #counts = new Map<number, number>();
  readonly #fatalFrames: number;

  /** `fatalFrames`: the number of frames of one stream that counts as a flood. */
  constructor(fatalFrames: number) {
    this.#fatalFrames = fatalFrames;
  }

  remember(id: number): void {
    this.#counts.set(id, 0);
    if (this.#counts.size <= MAX_REMEMBERED_STREAMS) return;
    // A map iterates in insertion order, so the first key is the stream closed longest ago.
    const [oldest] = this.#counts.keys();
    if (oldest !== undefined) this.#counts.delete(oldest);
  }

  /** Called when the peer has closed the stream too: no more frames may follow. */
  forget(id: number): void {
    this.#counts.delete(id);
  }

  isRemembered(id: number): boolean {
    return this.#counts.has(id);
  }

  count(id: number): StrayVerdict {
    const before = this.#counts.get(id);
    if (before === undefined) return "unknown";
    this.#counts.set(id, before + 1);
    return before + 1 >= this.#fatalFrames ? "flood" : "tolerated";
  }
}
