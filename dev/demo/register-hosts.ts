import type { ISql } from "postgres";
import { readSectorCost, writeSectorCost } from "../../lib/rhp4/costs.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { type SeededHost, seedHost, setScannedHeight } from "../indexd/seed-indexd.ts";
import { DEFAULT_PRICES, type Swarm, type SwarmHost } from "../swarm/swarm.ts";

/** The chain's height while the demo runs. */
export const TIP_HEIGHT = 580_000n;
/**
 * The height at which the contracts' proof windows open: most of indexd's default contract period is left until then.
 */
export const PROOF_HEIGHT = TIP_HEIGHT + 6_000n;
/** The proof window is open for 144 blocks. */
const EXPIRATION_HEIGHT = PROOF_HEIGHT + 144n;

/**
 * indexd tops up a service account until it can pay for writing and reading this many sectors:
 * docs/protocol.md#who-pays-for-repair.
 */
const FUNDED_SECTORS = 2_048n;
export const FUNDING_TARGET_HASTINGS =
  FUNDED_SECTORS *
  (writeSectorCost(DEFAULT_PRICES, SECTOR_BYTES) + readSectorCost(DEFAULT_PRICES, SECTOR_BYTES));

/** A host of the swarm and its rows in indexd's database. */
export interface DemoHost {
  /** Index in the swarm, from 0. */
  readonly number: number;
  readonly swarm: SwarmHost;
  readonly row: SeededHost;
}

/**
 * Inserts the rows that each host would have after a scan by indexd, with one good contract, and funds the account on
 * each host.
 */
export async function registerHosts(sql: ISql, swarm: Swarm, account: Uint8Array): Promise<DemoHost[]> {
  await setScannedHeight(sql, TIP_HEIGHT);
  const prices = {
    settings_contract_price: String(DEFAULT_PRICES.contractPrice),
    settings_collateral: String(DEFAULT_PRICES.collateral),
    settings_storage_price: String(DEFAULT_PRICES.storagePrice),
    settings_ingress_price: String(DEFAULT_PRICES.ingressPrice),
    settings_egress_price: String(DEFAULT_PRICES.egressPrice),
    settings_free_sector_price: String(DEFAULT_PRICES.freeSectorPrice),
    settings_tip_height: String(TIP_HEIGHT),
  };
  const contract = { proof_height: String(PROOF_HEIGHT), expiration_height: String(EXPIRATION_HEIGHT) };
  const hosts: DemoHost[] = [];
  for (const [number, host] of swarm.hosts.entries()) {
    const { hostKey, address } = host;
    const row = await seedHost(sql, { hostKey, addresses: [address], columns: prices, contract });
    await host.fund(account, FUNDING_TARGET_HASTINGS);
    hosts.push({ number, swarm: host, row });
  }
  return hosts;
}
