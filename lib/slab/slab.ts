import type { ContractId, ContractMapId, HostId, Root, SectorId, SlabDigest, SlabId } from "./ids.ts";

/** One shard of a slab as recorded in the database. */
export interface SlabSector {
  /** Position in the slab, 0-based; data shards first. It is also the nonce of the shard's keystream. */
  readonly index: number;
  readonly sectorId: SectorId;
  readonly root: Root;
  /** Null: the sector is lost. */
  readonly hostId: HostId | null;
  /** Null: unpinned (not yet appended to a contract). */
  readonly contractMapId: ContractMapId | null;
  /** The contract of the map row; a renewal changes it. Null if unpinned. */
  readonly contractId: ContractId | null;
  /** Number of consecutive counted denials by its host while the last one is open; 0: none. After three the sector stays bad. */
  readonly denials: number;
  /** Earlier hosts known from denials, latest first. Any of these hosts may still have the sector. */
  readonly earlierHostIds: readonly HostId[];
  /** Hosts of the other sectors of *other* slabs that share this sector; of only some of these slabs if there are many. */
  readonly neighbourHostIds: readonly HostId[];
}

/** A slab as indexd pinned it, with the present locations of its sectors. */
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
