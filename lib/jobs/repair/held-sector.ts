import type { BufferPool } from "./buffer-pool.ts";

/** A verified sector in a buffer shared by parts of a repair: the upload, and the rebuild that uses it as a source. */
export interface HeldSector {
  readonly data: Uint8Array;
  /** Adds a user. */
  retain(): void;
  /** Removes a user. When no user is left, the buffer is returned to its pool. */
  release(): void;
}

/** Takes over a buffer of `buffers` for its first user. */
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
