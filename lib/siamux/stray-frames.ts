/**
 * How many streams that we closed are remembered. The Go peer remembers them for a minute; a count needs no timer and
 * is kinder to a host that stalls for longer than that in the middle of a sector whose read was given up.
 */
const MAX_REMEMBERED_STREAMS = 4_096;

export type StrayVerdict = "tolerated" | "flood" | "unknown";

/** Counts the frames that still arrive for streams that we closed before the peer did. */
export class StrayFrames {
  readonly #counts = new Map<number, number>();
  readonly #fatalFrames: number;

  /** `fatalFrames`: the frame of one stream that is a flood. */
  constructor(fatalFrames: number) {
    this.#fatalFrames = fatalFrames;
  }

  remember(id: number): void {
    this.#counts.set(id, 0);
    if (this.#counts.size <= MAX_REMEMBERED_STREAMS) return;
    // A map iterates in the order of insertion: the first key is the stream closed longest ago.
    const [oldest] = this.#counts.keys();
    if (oldest !== undefined) this.#counts.delete(oldest);
  }

  /** The peer closed the stream too: no more frames may come. */
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
