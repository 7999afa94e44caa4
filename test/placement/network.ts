/** Fleets and slabs for tests of placement, without a database. */
import type { NetworkHost, NetworkSnapshot } from "../../lib/database/indexd/network-snapshot.ts";
import type {
  ContractId,
  ContractMapId,
  HostId,
  HostKey,
  Root,
  SectorId,
  SlabDigest,
  SlabId,
} from "../../lib/slab/ids.ts";
import type { Slab, SlabSector } from "../../lib/slab/slab.ts";

const hex = (n: number): string => n.toString(16).padStart(64, "0");

export const hostId = (n: number): HostId => n as HostId;
/** The contract of host n. */
export const contractId = (n: number): ContractId => hex(n) as ContractId;

/** A host that may keep and take sectors. Each host is one degree of latitude away from the next. */
function networkHost(n: number, changes: Partial<NetworkHost> = {}): NetworkHost {
  return {
    id: hostId(n),
    hostKey: hex(n) as HostKey,
    addresses: [`host${n}.example:9984`],
    latitude: (n % 90) - 45,
    longitude: Math.floor(n / 90),
    usable: true,
    usabilityFailures: [],
    blocked: false,
    goodForUpload: true,
    hasActiveContract: true,
    hasAppendContract: true,
    storedPrices: {
      contractPrice: 0n,
      collateral: 0n,
      storagePrice: 0n,
      ingressPrice: 0n,
      egressPrice: 0n,
      freeSectorPrice: 0n,
      tipHeight: 0n,
      validUntilSeconds: 0n,
      signature: new Uint8Array(64),
    },
    unpinnedSectors: 0,
    drain: null,
    ...changes,
  };
}

export const BLOCKED: Partial<NetworkHost> = {
  blocked: true,
  goodForUpload: false,
  hasAppendContract: false,
};
export const UNUSABLE: Partial<NetworkHost> = {
  usable: false,
  goodForUpload: false,
  usabilityFailures: ["QUIC"],
};

/** Hosts 1 to `count`, with changes by host number; contracts of good hosts are healthy unless listed as unhealthy. */
export function networkOf(
  count: number,
  changes: Readonly<Record<number, Partial<NetworkHost>>> = {},
  {
    unhealthy = [],
    minHostDistanceKm = 10,
  }: { unhealthy?: readonly number[]; minHostDistanceKm?: number } = {},
): NetworkSnapshot {
  const hosts = Array.from({ length: count }, (_, index) => networkHost(index + 1, changes[index + 1]));
  const healthy = hosts.filter(
    (host) => host.usable && !host.blocked && host.hasActiveContract && !unhealthy.includes(host.id),
  );
  return {
    height: 1000n,
    hosts: new Map(hosts.map((host) => [host.id, host])),
    healthyContractIds: new Set(healthy.map((host) => contractId(host.id))),
    priceLimit: {},
    minHostDistanceKm,
    takenAtMs: 0,
  };
}

/**
 * A sector on the host of this number, or lost if null. It is pinned to the host's contract, unless `changes` says
 * otherwise.
 */
export function sector(index: number, host: number | null, changes: Partial<SlabSector> = {}): SlabSector {
  return {
    index,
    sectorId: BigInt(index + 1) as SectorId,
    root: hex(1000 + index) as Root,
    hostId: host === null ? null : hostId(host),
    contractMapId: host === null ? null : (host as ContractMapId),
    contractId: host === null ? null : contractId(host),
    denials: 0,
    earlierHostIds: [],
    neighbourHostIds: [],
    ...changes,
  };
}

export const UNPINNED: Partial<SlabSector> = { contractMapId: null, contractId: null };

/** A slab with a sector on each of these hosts, in order. An entry can also be null (lost) or a sector's fields. */
export function slabOn(minShards: number, places: readonly (number | null | Partial<SlabSector>)[]): Slab {
  return {
    id: 1n as SlabId,
    digest: hex(1) as SlabDigest,
    version: 0,
    minShards,
    encryptionKey: new Uint8Array(32),
    consecutiveFailedRepairs: 0,
    sectors: places.map((place, index) =>
      typeof place === "object" && place !== null
        ? sector(index, place.hostId ?? null, place)
        : sector(index, place),
    ),
  };
}
