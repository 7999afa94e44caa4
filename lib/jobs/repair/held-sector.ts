import type { BufferPool } from "./buffer-pool.ts";

/** A verified sector in a buffer that several parts of a repair use: the upload, and the rebuild as its source. */
export interface HeldSector {
  readonly data: Uint8Array;
  /** One more user. */
  retain(): void;
  /** One user less; the last one gives the buffer back. */
  release(): void;
}

/** Takes over a buffer of `buffers` for one first user. */
export function holdSector(data: Uint8Array, buffers: BufferPool): HeldSector {
  let users = 1;
  return {
    data,
    retain() {
      users += 1;
    },
    release() {
      users -= 1;
      if (users === 0) buffers.give(data);
    },
  };
}
