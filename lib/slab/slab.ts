import type { ContractId, ContractMapId, HostId, Root, SectorId, SlabDigest, SlabId } from "./ids.ts";

/** One shard of a slab as the database knows it. */
export interface SlabSector {
  /** Position in the slab, 0-based; data shards first. It is also the nonce of the shard's keystream. */
  readonly index: number;
  readonly sectorId: SectorId;
  readonly root: Root;
  /** Null: the sector is lost. */
  readonly hostId: HostId | null;
  /** Null: unpinned (not yet appended to a contract). */
  readonly contractMapId: ContractMapId | null;
  /** The contract that the map row points to now; renewal repoints it. Null when unpinned. */
  readonly contractId: ContractId | null;
  /** Consecutive denials by its host that count, while the last is open; 0: none. Three make the sector bad for good. */
  readonly denials: number;
  /** Where it was before, as far as denials tell; the latest first. Any of them may still have it. */
  readonly earlierHostIds: readonly HostId[];
  /** Hosts that hold the other sectors of *other* slabs that share this sector; of many such slabs, not of all. */
  readonly neighbourHostIds: readonly HostId[];
}

/** A slab as indexd pinned it, with where its sectors are now. */
export interface Slab {
  readonly id: SlabId;
  readonly digest: SlabDigest;
  /** 0 or 1; repair is the same for both. */
  readonly version: number;
  readonly minShards: number;
  /** 32 bytes. Secret: never logged, put in a message, an error or the journal. */
  readonly encryptionKey: Uint8Array;
  readonly consecutiveFailedRepairs: number;
  /** By index, 0..n-1 in order. */
  readonly sectors: readonly SlabSector[];
}
