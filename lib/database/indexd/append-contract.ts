import { SECTOR_BYTES } from "../../slab/sizes.ts";
import { isHealthyContract } from "./contract-health.ts";
import type { ContractRow, HostRow, SettingsRow } from "./raw-rows.ts";

// docs/protocol.md#contract-predicates.
const SECTOR = BigInt(SECTOR_BYTES);
const PROOF_WINDOW_BLOCKS = 144n;
const MAX_CONTRACT_BYTES = 10n * 2n ** 40n;
/** An append sends one root of 32 bytes; traffic is charged in units of 4 KiB. */
const APPEND_INGRESS_BYTES = 4096n;

/**
 * The contract size in bytes, rounded down to whole sectors, up to which the host's collateral limit still allows a
 * renewal. A fifth of that size is subtracted as a margin.
 */
export function maxRenewableBytes(
  host: Pick<HostRow, "maxCollateral" | "collateral">,
  settings: Pick<SettingsRow, "contractsPeriodBlocks">,
): bigint {
  const perSector = host.collateral * SECTOR * (settings.contractsPeriodBlocks + PROOF_WINDOW_BLOCKS);
  const sectors = host.maxCollateral / (perSector > 0n ? perSector : 1n);
  // If the product overflows 64 bits, indexd uses MAX_CONTRACT_BYTES. The minimum of the two below gives the same
  // result, because a product that overflows is above MAX_CONTRACT_BYTES.
  const bytes = sectors * SECTOR < MAX_CONTRACT_BYTES ? sectors * SECTOR : MAX_CONTRACT_BYTES;
  return ((bytes * 8n) / 10n / SECTOR) * SECTOR;
}

/**
 * Whether indexd will be able to append one more sector: the contract is healthy, may grow, is not due for renewal, and
 * has either unused paid space or enough funds of both sides to store one sector until the contract expires. `host` is
 * the contract's host.
 */
export function isGoodForAppend(contract: ContractRow, host: HostRow, settings: SettingsRow): boolean {
  if (!isHealthyContract(contract, settings)) return false;
  if (contract.sizeBytes >= maxRenewableBytes(host, settings)) return false;
  if (contract.proofHeight <= settings.scannedHeight + settings.contractsRenewWindowBlocks) return false;
  if (contract.sizeBytes < contract.capacityBytes) return true;
  const durationBlocks = contract.expirationHeight - settings.scannedHeight;
  // In indexd the duration is unsigned: a negative one would wrap to a duration so long that no contract can pay for
  // it.
  if (durationBlocks < 0n) return false;
  const renterCost = host.storagePrice * SECTOR * durationBlocks + host.ingressPrice * APPEND_INGRESS_BYTES;
  const riskedCollateral = host.collateral * SECTOR * durationBlocks;
  return (
    contract.remainingAllowance >= renterCost &&
    contract.totalCollateral - contract.usedCollateral >= riskedCollateral
  );
}
