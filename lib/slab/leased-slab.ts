import type { LeaseToken, SlabDigest, SlabId } from "./ids.ts";

/** One lease of one slab: all that a message, a worker and a commit need. */
export interface LeasedSlab {
  readonly slabId: SlabId;
  readonly digest: SlabDigest;
  /** Fencing token: identifies this one lease of the slab. */
  readonly token: LeaseToken;
}
