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
  /** The contract in the row `contractMapId`: after a renewal, the new contract. Null if unpinned. */
  readonly contractId: ContractId | null;
  /**
   * Consecutive counted denials by the sector's host; 0 if no denial is open. After three, the sector is bad for good.
   */
  readonly denials: number;
  /** Earlier hosts that denied the sector, the latest denial first. Any of these hosts may still have the sector. */
  readonly earlierHostIds: readonly HostId[];
  /**
   * If other slabs contain this sector too: the hosts of all other sectors of those slabs. If there are many such
   * slabs, only some of them are read.
   */
  readonly neighbourHostIds: readonly HostId[];
}

/** A slab as indexd pinned it, with the present locations of its sectors. */
export interface Slab {
  readonly id: SlabId;
  readonly digest: SlabDigest;
  /** 0 or 1; repair is the same for both. */
  readonly version: number;
  readonly minShards: number;
  /** 32 bytes. Secret: never in a log, a message, an error or the journal. */
  readonly encryptionKey: Uint8Array;
  readonly consecutiveFailedRepairs: number;
  /** By index, 0..n-1 in order. */
  readonly sectors: readonly SlabSector[];
}
