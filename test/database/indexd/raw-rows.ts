/** Rows for tests of predicates: usable, healthy and good for append unless a test says otherwise. */
import type { ContractRow, HostRow, SettingsRow } from "../../../lib/database/indexd/raw-rows.ts";
import type { ContractId, HostId, HostKey } from "../../../lib/slab/ids.ts";

export const SETTINGS: SettingsRow = {
  scannedHeight: 1000n,
  contractsPeriodBlocks: 6048n,
  contractsRenewWindowBlocks: 2016n,
  minProtocolVersion: "050002",
  minCollateral: 50n,
  maxStoragePrice: 300n,
  maxIngressPrice: 400n,
  maxEgressPrice: 500n,
};

const SCAN_US = 1_700_000_000_000_000n;

/** A host that just passes every check of indexd: each value that has a limit is exactly at it. */
export function hostRow(changes: Partial<HostRow> = {}): HostRow {
  return {
    id: 1 as HostId,
    hostKey: "aa".repeat(32) as HostKey,
    addresses: ["host.example:9984"],
    latitude: 0,
    longitude: 0,
    blocked: false,
    stuck: false,
    recentUptime: 0.9,
    lastSuccessfulScanUs: SCAN_US,
    hasQuic: true,
    hasSiamux: true,
    unpinnedSectors: 0,
    drain: null,
    protocolVersion: "050002",
    acceptingContracts: true,
    maxCollateral: 200n * 10n ** 12n * 6048n,
    maxContractDurationBlocks: 6048n,
    remainingStorageSectors: 1n,
    contractPrice: 10n ** 24n,
    collateral: 200n,
    storagePrice: 100n,
    ingressPrice: 400n,
    egressPrice: 500n,
    freeSectorPrice: 4n * 10n ** 18n,
    tipHeight: 1000n,
    validUntilUs: SCAN_US + 900_000_000n,
    signature: "00".repeat(64),
    ...changes,
  };
}

export function contractRow(changes: Partial<ContractRow> = {}): ContractRow {
  return {
    contractId: "cc".repeat(32) as ContractId,
    hostId: 1 as HostId,
    state: 1,
    good: true,
    renewed: false,
    proofHeight: 9000n,
    expirationHeight: 9144n,
    capacityBytes: 8n * 4_194_304n,
    sizeBytes: 0n,
    remainingAllowance: 0n,
    usedCollateral: 0n,
    totalCollateral: 0n,
    ...changes,
  };
}
