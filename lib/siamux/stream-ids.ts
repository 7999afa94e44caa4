import { LOWEST_STREAM_ID, STREAM_ID_LIMIT } from "./wire-format.ts";

/** Assigns the ids of one side: every second id of the protocol. After the highest id, it begins again at the first. */
export class StreamIds {
  readonly #firstId: number;
  #nextId: number;

  /** `parity`: 0 for the dialer, 1 for the acceptor. `nextId`: the id to assign first; only tests set it. */
  constructor(parity: number, nextId = LOWEST_STREAM_ID + parity) {
    this.#firstId = LOWEST_STREAM_ID + parity;
    this.#nextId = nextId;
  }

  /** An id that is not in use; there are about 500 million, so one is always free. */
  take(isInUse: (id: number) => boolean): number {
    for (;;) {
      const id = this.#nextId;
      this.#nextId = id + 2 >= STREAM_ID_LIMIT ? this.#firstId : id + 2;
      if (!isInUse(id)) return id;
    }
  }
}
