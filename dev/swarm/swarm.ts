import type { FileContract } from "../../lib/rhp4/file-contract.ts";
import type { UnsignedPrices } from "../../lib/rhp4/host-prices.ts";
import type { ContractId, HostKey, Root } from "../../lib/slab/ids.ts";
import type { HostCounters } from "./host-counters.ts";
import type { HostSwitches } from "./host-switches.ts";

/** What a host charges, in hastings, without the chain's height and the time that a signed table adds. */
export type PriceList = Omit<UnsignedPrices, "tipHeight" | "validUntilSeconds">;

export interface SwarmOptions {
  readonly hostCount: number;
  /** Sectors go below it, a folder for each host. Made if it is not there, and then also removed by stop(). */
  readonly dir: string;
  /** The hosts' keys follow from it. */
  readonly seed: string;
  readonly prices?: Partial<PriceList>;
  /** The address to listen on; hosts get ports of their own. */
  readonly listen?: string;
  readonly tipHeight?: bigint;
  /** Sectors that a host can take. */
  readonly capacitySectors?: number;
}

/**
 * One host of a swarm. Everything is asynchronous, because the host may live in another process; what a call changed is in force when
 * it resolves.
 */
export interface SwarmHost {
  readonly index: number;
  readonly hostKey: HostKey;
  /** host:port, the same for the host's whole life. */
  readonly address: string;
  /** Changes the switches that are named, leaves the others. Resolves with all of them. */
  setSwitches(change: Partial<HostSwitches>): Promise<HostSwitches>;
  /** Changes what price tables issued from now on say. Older ones stay valid until they expire. */
  setPrices(change: Partial<PriceList>): Promise<void>;
  /** Every price table issued so far counts as expired from now on. */
  expirePrices(): Promise<void>;
  fund(account: Uint8Array, hastings: bigint): Promise<void>;
  balance(account: Uint8Array): Promise<bigint>;
  /** Stores a sector for good, without the protocol and free of charge. Throws `wrong-sector` unless its root is this one. */
  putSector(root: Root, bytes: Uint8Array): Promise<void>;
  hasSector(root: Root): Promise<boolean>;
  /** False: the host did not have it. */
  dropSector(root: Root): Promise<boolean>;
  /** Makes a temporary sector permanent, as appending it to a contract does. False: the host does not have it. */
  pinSector(root: Root): Promise<boolean>;
  /** Height at which the sector goes; null if it is permanent, undefined if the host does not have it. */
  sectorExpiration(root: Root): Promise<bigint | null | undefined>;
  sectorRoots(): Promise<Root[]>;
  /** The bytes on disk, whatever the switches say. Throws `no-such-sector`. */
  readSectorFile(root: Root): Promise<Uint8Array>;
  /** What LatestRevision answers for a contract; null forgets it. */
  setContract(contractId: ContractId, revision: ContractOnHost | null): Promise<void>;
  counters(): Promise<HostCounters>;
  resetCounters(): Promise<void>;
  /** Drops its connections and listens anew; sectors, balances and switches stay. */
  restart(): Promise<void>;
}

/** A contract as a host reports it. */
export interface ContractOnHost {
  readonly contract: FileContract;
  readonly revisable: boolean;
  readonly renewed: boolean;
}

/** Hosts that speak siamux and RHP4 on loopback, and can be told to misbehave. */
export interface Swarm {
  readonly hosts: readonly SwarmHost[];
  /** Advances the chain: price tables show it, and temporary sectors expire. */
  setTipHeight(height: bigint): Promise<void>;
  /** Ends every connection, removes every sector and folder. Idempotent. */
  stop(): Promise<void>;
}

/** Well within what indexd accepts: 500 SC to download a TB, 50 to upload it, 500 to store it for a month of 4320 blocks. */
export const DEFAULT_PRICES: PriceList = {
  contractPrice: 200_000_000_000_000_000_000_000n,
  collateral: 231_481_481_480n,
  storagePrice: 115_740_740_740n,
  ingressPrice: 50_000_000_000_000n,
  egressPrice: 500_000_000_000_000n,
  freeSectorPrice: 1_000_000_000_000_000n,
};
