import type { HostRow, SettingsRow } from "./raw-rows.ts";

/**
 * The checks, by indexd's names and in its order. indexd stores the names of failed checks as its reasons to block a
 * host.
 */
const USABILITY_CHECKS = [
  "Uptime",
  "MaxContractDuration",
  "MaxCollateral",
  "ProtocolVersion",
  "PriceValidity",
  "AcceptingContracts",
  "QUIC",
  "Siamux",
  "ContractPrice",
  "Collateral",
  "StoragePrice",
  "IngressPrice",
  "EgressPrice",
  "FreeSectorPrice",
] as const;

export type UsabilityCheck = (typeof USABILITY_CHECKS)[number];

// docs/protocol.md#host-usability.
const MIN_UPTIME = 0.9;
const TERABYTE = 10n ** 12n;
const SIACOIN = 10n ** 24n;
const SECTORS_PER_TERABYTE = 250_000n;
const MIN_PRICE_VALIDITY_US = 15n * 60n * 1_000_000n;
const VERSION_HEX_DIGITS = 6;

/**
 * The checks that a host fails; none: the host is usable. A host that was never scanned has no settings, so it fails
 * all checks of its settings. A check also fails if indexd never set its limit. slabmend.host_states() makes the same
 * decision in SQL.
 */
export function failedUsabilityChecks(host: HostRow, settings: SettingsRow): readonly UsabilityCheck[] {
  return USABILITY_CHECKS.filter((check) => !passes(check, host, settings));
}

function passes(check: UsabilityCheck, host: HostRow, settings: SettingsRow): boolean {
  // These three checks need no settings of the host: they depend only on its announcement and on whether scans succeed.
  if (check === "Uptime") return host.recentUptime >= MIN_UPTIME;
  if (check === "QUIC") return host.hasQuic;
  if (check === "Siamux") return host.hasSiamux;
  if (host.lastSuccessfulScanUs === null) return false;
  switch (check) {
    case "MaxContractDuration":
      return host.maxContractDurationBlocks >= settings.contractsPeriodBlocks;
    case "MaxCollateral":
      return host.maxCollateral >= host.collateral * TERABYTE * settings.contractsPeriodBlocks;
    case "ProtocolVersion":
      // Versions are three bytes each, so the order of the hex digits is the order of versions.
      return (
        settings.minProtocolVersion !== null &&
        host.protocolVersion >= settings.minProtocolVersion.slice(0, VERSION_HEX_DIGITS)
      );
    case "PriceValidity":
      // Compares two stored times, not the present time, so prices of a host that was scanned long ago still pass.
      return (
        host.validUntilUs !== null && host.validUntilUs >= host.lastSuccessfulScanUs + MIN_PRICE_VALIDITY_US
      );
    case "AcceptingContracts":
      return host.acceptingContracts;
    case "ContractPrice":
      return host.contractPrice <= SIACOIN;
    case "Collateral":
      return (
        settings.minCollateral !== null &&
        host.collateral >= settings.minCollateral &&
        host.collateral >= 2n * host.storagePrice
      );
    case "StoragePrice":
      return atMost(host.storagePrice, settings.maxStoragePrice);
    case "IngressPrice":
      return atMost(host.ingressPrice, settings.maxIngressPrice);
    case "EgressPrice":
      return atMost(host.egressPrice, settings.maxEgressPrice);
    case "FreeSectorPrice":
      return host.freeSectorPrice <= SIACOIN / SECTORS_PER_TERABYTE;
  }
}

function atMost(price: bigint, limit: bigint | null): boolean {
  return limit !== null && price <= limit;
}

/**
 * Whether a host is usable, not blocked, not stuck, and has storage left. It may receive sectors if it also has a
 * contract to which indexd can append them.
 */
export function isGoodForUpload(host: HostRow, settings: SettingsRow): boolean {
  return (
    !host.blocked &&
    !host.stuck &&
    host.remainingStorageSectors > 0n &&
    failedUsabilityChecks(host, settings).length === 0
  );
}
