import { LOWEST_STREAM_ID, STREAM_ID_LIMIT } from "./wire-format.ts";

/** Hands out the ids that one side opens: every second one, and from the first again when they run out. */
export class StreamIds {
  readonly #firstId: number;
  #nextId: number;

  /** `parity`: 0 for the dialer, 1 for the acceptor. `nextId` is where to begin, for tests of the end. */
  constructor(parity: number, nextId = LOWEST_STREAM_ID + parity) {
    this.#firstId = LOWEST_STREAM_ID + parity;
    this.#nextId = nextId;
  }

  /** An id that is not in use; half a thousand million are never all in use at once. */
  take(isInUse: (id: number) => boolean): number {
    for (;;) {
      const id = this.#nextId;
      this.#nextId = id + 2 >= STREAM_ID_LIMIT ? this.#firstId : id + 2;
      if (!isInUse(id)) return id;
    }
  }
}
