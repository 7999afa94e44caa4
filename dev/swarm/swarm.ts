import type { FileContract } from "../../lib/rhp4/file-contract.ts";
import type { UnsignedPrices } from "../../lib/rhp4/host-prices.ts";
import type { ContractId, HostKey, Root } from "../../lib/slab/ids.ts";
import type { HostCounters } from "./host-counters.ts";
import type { HostSwitches } from "./host-switches.ts";

/**
 * A host's prices in hastings. A signed price table has these prices and also the chain's height and the time until
 * which the prices are valid.
 */
export type PriceList = Omit<UnsignedPrices, "tipHeight" | "validUntilSeconds">;

export interface SwarmOptions {
  readonly hostCount: number;
  /**
   * The folder that contains a folder of sectors for each host. If it does not exist, it is created, and stop() removes
   * it.
   */
  readonly dir: string;
  /** Seed of the hosts' keys. */
  readonly seed: string;
  readonly prices?: Partial<PriceList>;
  /** The address on which all hosts listen, each on a port of its own. */
  readonly listen?: string;
  readonly tipHeight?: bigint;
  /** Capacity of a host in sectors. */
  readonly capacitySectors?: number;
}

/**
 * One host of a swarm. All methods are asynchronous, because the host may run in another process. A change is in effect
 * when the promise of its call has resolved.
 */
export interface SwarmHost {
  readonly index: number;
  readonly hostKey: HostKey;
  /** host:port, the same for the host's whole life. */
  readonly address: string;
  /** Changes the given switches and keeps the others. Resolves to the resulting value of every switch. */
  setSwitches(change: Partial<HostSwitches>): Promise<HostSwitches>;
  /** Changes the prices of tables issued from now on. Older tables stay valid until they expire. */
  setPrices(change: Partial<PriceList>): Promise<void>;
  /** Makes all price tables issued so far count as expired. */
  expirePrices(): Promise<void>;
  fund(account: Uint8Array, hastings: bigint): Promise<void>;
  balance(account: Uint8Array): Promise<bigint>;
  /**
   * Stores a permanent sector directly, without an RPC and free of charge. Throws `wrong-sector` if the bytes have
   * another root.
   */
  putSector(root: Root, bytes: Uint8Array): Promise<void>;
  hasSector(root: Root): Promise<boolean>;
  /** Removes a sector. Resolves to false if the host did not have the sector. */
  dropSector(root: Root): Promise<boolean>;
  /**
   * Makes a temporary sector permanent, as appending it to a contract does. Resolves to false if the host does not have
   * the sector.
   */
  pinSector(root: Root): Promise<boolean>;
  /** Height at which the sector expires; null if it is permanent, undefined if the host does not have it. */
  sectorExpiration(root: Root): Promise<bigint | null | undefined>;
  sectorRoots(): Promise<Root[]>;
  /** Reads a sector's bytes on disk, regardless of the switches. Throws `no-such-sector`. */
  readSectorFile(root: Root): Promise<Uint8Array>;
  /** Sets what the host answers to LatestRevision for this contract; null: it has no such contract. */
  setContract(contractId: ContractId, revision: ContractOnHost | null): Promise<void>;
  counters(): Promise<HostCounters>;
  resetCounters(): Promise<void>;
  /** Drops the host's connections and listens again; sectors, balances and switches stay. */
  restart(): Promise<void>;
}

/** A contract in a host's report. */
export interface ContractOnHost {
  readonly contract: FileContract;
  readonly revisable: boolean;
  readonly renewed: boolean;
}

/** Hosts on loopback that speak siamux and RHP4 and can be made to misbehave. */
export interface Swarm {
  readonly hosts: readonly SwarmHost[];
  /** Advances the chain: price tables show the new height, and temporary sectors expire. */
  setTipHeight(height: bigint): Promise<void>;
  /** Ends all connections and removes all sectors and folders. Further calls are allowed. */
  stop(): Promise<void>;
}

/**
 * Prices well within indexd's limits: 500 SC to download a TB, 50 SC to upload it, 500 SC to store it for a month of
 * 4320 blocks.
 */
export const DEFAULT_PRICES: PriceList = {
  contractPrice: 200_000_000_000_000_000_000_000n,
  collateral: 231_481_481_480n,
  storagePrice: 115_740_740_740n,
  ingressPrice: 50_000_000_000_000n,
  egressPrice: 500_000_000_000_000n,
  freeSectorPrice: 1_000_000_000_000_000n,
};
