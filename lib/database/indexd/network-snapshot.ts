import type { ISql } from "postgres";
import type { HostPrices, PriceLimit } from "../../rhp4/host-prices.ts";
import type { ContractId, HostId, HostKey } from "../../slab/ids.ts";
import { isGoodForAppend } from "./append-contract.ts";
import { isActiveContract, isHealthyContract } from "./contract-health.ts";
import { failedUsabilityChecks, isGoodForUpload, type UsabilityCheck } from "./host-usability.ts";
import type { HostRow, SettingsRow } from "./raw-rows.ts";
import { type RawNetwork, readRawNetwork } from "./read-raw-network.ts";

/** A host, with everything that placement has to know about it. */
export interface NetworkHost {
  readonly id: HostId;
  readonly hostKey: HostKey;
  /** Its addresses for siamux, as `host:port`; may be empty. */
  readonly addresses: readonly string[];
  readonly latitude: number;
  readonly longitude: number;
  readonly usable: boolean;
  /** The failed checks that make it unusable, by indexd's names. */
  readonly usabilityFailures: readonly UsabilityCheck[];
  readonly blocked: boolean;
  readonly goodForUpload: boolean;
  readonly hasActiveContract: boolean;
  readonly hasAppendContract: boolean;
  /**
   * The prices that the host signed at indexd's last scan; usually expired. validUntilSeconds is 0 if the host was
   * never scanned.
   */
  readonly storedPrices: HostPrices;
  /** Sectors on this host that indexd has not appended to a contract yet. */
  readonly unpinnedSectors: number;
  /**
   * Not null: an operator drains the host, so it receives no sectors. The sectors on the host move away while the drain
   * is `running`, and stay while it is `paused`.
   */
  readonly drain: "running" | "paused" | null;
}

/** All of indexd's hosts and contracts at one moment, with their states. */
export interface NetworkSnapshot {
  /** indexd's scanned height. */
  readonly height: bigint;
  /** Every host, including blocked and unusable ones, because they may be sources. */
  readonly hosts: ReadonlyMap<HostId, NetworkHost>;
  /** Contracts whose sectors may stay: healthy contracts with a host that is usable and not blocked. */
  readonly healthyContractIds: ReadonlySet<ContractId>;
  /**
   * indexd's price limits: a host with a higher price is unusable. The limits are in hastings: per byte for traffic,
   * per byte and block for storage. A missing limit was never set.
   */
  readonly priceLimit: PriceLimit;
  /** 0: no minimum. */
  readonly minHostDistanceKm: number;
  /** When the read began, by our clock; the snapshot's age is measured from this time. */
  readonly takenAtMs: number;
}

export interface NetworkSnapshotOptions {
  readonly minHostDistanceKm: number;
  /** Default: the system clock. */
  readonly now?: () => number;
}

/**
 * Reads all hosts and contracts in one statement (read-raw-network.ts) and judges them. A worker should keep the
 * snapshot for 30–60 s, because about 2 KB per host are read.
 */
export async function readNetworkSnapshot(
  sql: ISql,
  options: NetworkSnapshotOptions,
): Promise<NetworkSnapshot> {
  const takenAtMs = (options.now ?? Date.now)();
  const raw = await readRawNetwork(sql);
  return judgeNetwork(raw, { minHostDistanceKm: options.minHostDistanceKm, takenAtMs });
}

/** Judges hosts and contracts that were already read: the pure part of {@link readNetworkSnapshot}. */
export function judgeNetwork(
  { settings, hosts, contracts }: RawNetwork,
  { minHostDistanceKm, takenAtMs }: Pick<NetworkSnapshot, "minHostDistanceKm" | "takenAtMs">,
): NetworkSnapshot {
  const rows = new Map(hosts.map((host) => [host.id, host]));
  const active = new Set<HostId>();
  const appendable = new Set<HostId>();
  for (const contract of contracts) {
    const host = rows.get(contract.hostId);
    if (host === undefined || !isActiveContract(contract, settings)) continue;
    active.add(host.id);
    if (isGoodForAppend(contract, host, settings)) appendable.add(host.id);
  }
  const fleet = new Map(
    hosts.map((host): [HostId, NetworkHost] => {
      const usabilityFailures = failedUsabilityChecks(host, settings);
      const judged: NetworkHost = {
        id: host.id,
        hostKey: host.hostKey,
        addresses: host.addresses,
        latitude: host.latitude,
        longitude: host.longitude,
        usable: usabilityFailures.length === 0,
        usabilityFailures,
        blocked: host.blocked,
        goodForUpload: isGoodForUpload(host, settings),
        hasActiveContract: active.has(host.id),
        hasAppendContract: appendable.has(host.id),
        storedPrices: storedPrices(host),
        unpinnedSectors: host.unpinnedSectors,
        drain: host.drain,
      };
      return [host.id, judged];
    }),
  );
  const healthyContractIds = new Set<ContractId>();
  for (const contract of contracts) {
    const host = fleet.get(contract.hostId);
    if (host?.usable === true && !host.blocked && isHealthyContract(contract, settings)) {
      healthyContractIds.add(contract.contractId);
    }
  }
  return {
    height: settings.scannedHeight,
    hosts: fleet,
    healthyContractIds,
    priceLimit: priceLimitOf(settings),
    minHostDistanceKm,
    takenAtMs,
  };
}

function priceLimitOf({ maxEgressPrice, maxIngressPrice, maxStoragePrice }: SettingsRow): PriceLimit {
  return {
    ...(maxEgressPrice === null ? {} : { egressPrice: maxEgressPrice }),
    ...(maxIngressPrice === null ? {} : { ingressPrice: maxIngressPrice }),
    ...(maxStoragePrice === null ? {} : { storagePrice: maxStoragePrice }),
  };
}

const MICROSECONDS = 1_000_000n;

function storedPrices(host: HostRow): HostPrices {
  return {
    contractPrice: host.contractPrice,
    collateral: host.collateral,
    storagePrice: host.storagePrice,
    ingressPrice: host.ingressPrice,
    egressPrice: host.egressPrice,
    freeSectorPrice: host.freeSectorPrice,
    tipHeight: host.tipHeight,
    validUntilSeconds: (host.validUntilUs ?? 0n) / MICROSECONDS,
    signature: Uint8Array.from(Buffer.from(host.signature, "hex")),
  };
}
