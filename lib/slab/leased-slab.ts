import type { LeaseToken, SlabDigest, SlabId } from "./ids.ts";

/** One lease of one slab: all that a message, a worker and a commit need to know of it. */
export interface LeasedSlab {
  readonly slabId: SlabId;
  readonly digest: SlabDigest;
  /** Fencing token: names the one time that this slab was leased. */
  readonly token: LeaseToken;
}
