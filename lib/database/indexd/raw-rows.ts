/**
 * Rows of indexd's tables in the form that predicates need: one field per column, not interpreted. Prices are in
 * hastings, byte strings in hex. Times are in microseconds since 1970, because PostgreSQL stores microseconds: a
 * JavaScript date has only milliseconds, and comparisons could give another result than in SQL.
 */
import type { ContractId, HostId, HostKey } from "../../slab/ids.ts";

/** `global_settings`. A limit is null if indexd never set it. */
export interface SettingsRow {
  readonly scannedHeight: bigint;
  readonly contractsPeriodBlocks: bigint;
  readonly contractsRenewWindowBlocks: bigint;
  readonly minProtocolVersion: string | null;
  readonly minCollateral: bigint | null;
  readonly maxStoragePrice: bigint | null;
  readonly maxIngressPrice: bigint | null;
  readonly maxEgressPrice: bigint | null;
}

/** A row of `hosts`, with the host's siamux addresses, and whether the host's key is on `hosts_blocklist`. */
export interface HostRow {
  readonly id: HostId;
  readonly hostKey: HostKey;
  /** The addresses for siamux, as `host:port`, in the order in which the host announced them. */
  readonly addresses: readonly string[];
  readonly latitude: number;
  readonly longitude: number;
  readonly blocked: boolean;
  readonly stuck: boolean;
  readonly recentUptime: number;
  readonly lastSuccessfulScanUs: bigint | null;
  readonly hasQuic: boolean;
  readonly hasSiamux: boolean;
  readonly unpinnedSectors: number;
  /** The state of the host's drain, from draining-hosts.sql; null: the host is not being drained. */
  readonly drain: "running" | "paused" | null;
  /** Three bytes in hex: major, minor, patch. */
  readonly protocolVersion: string;
  readonly acceptingContracts: boolean;
  readonly maxCollateral: bigint;
  readonly maxContractDurationBlocks: bigint;
  readonly remainingStorageSectors: bigint;
  readonly contractPrice: bigint;
  readonly collateral: bigint;
  readonly storagePrice: bigint;
  readonly ingressPrice: bigint;
  readonly egressPrice: bigint;
  readonly freeSectorPrice: bigint;
  readonly tipHeight: bigint;
  readonly validUntilUs: bigint | null;
  readonly signature: string;
}

/** `contracts`. */
export interface ContractRow {
  readonly contractId: ContractId;
  readonly hostId: HostId;
  /** 0 pending, 1 active, 2 resolved, 3 expired, 4 rejected. */
  readonly state: number;
  readonly good: boolean;
  readonly renewed: boolean;
  readonly proofHeight: bigint;
  readonly expirationHeight: bigint;
  readonly capacityBytes: bigint;
  readonly sizeBytes: bigint;
  readonly remainingAllowance: bigint;
  readonly usedCollateral: bigint;
  readonly totalCollateral: bigint;
}
