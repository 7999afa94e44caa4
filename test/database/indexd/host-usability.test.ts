import { describe, expect, test } from "vitest";
import { failedUsabilityChecks, isGoodForUpload } from "../../../lib/database/indexd/host-usability.ts";
import type { HostRow, SettingsRow } from "../../../lib/database/indexd/raw-rows.ts";
import { hostRow, SETTINGS } from "./raw-rows.ts";

test("a host exactly on every boundary is usable", () => {
  expect(failedUsabilityChecks(hostRow(), SETTINGS)).toEqual([]);
});

describe("a value one step beyond its boundary fails only its own check, named as in indexd", () => {
  const beyond: readonly [string, Partial<HostRow>, Partial<SettingsRow>?][] = [
    ["Uptime", { recentUptime: 0.8999999999999999 }],
    ["Uptime", { recentUptime: Number.NaN }],
    ["MaxContractDuration", { maxContractDurationBlocks: 6047n }],
    ["MaxContractDuration", {}, { contractsPeriodBlocks: 6049n, maxStoragePrice: 300n }],
    ["MaxCollateral", { maxCollateral: 200n * 10n ** 12n * 6048n - 1n }],
    ["ProtocolVersion", { protocolVersion: "050001" }],
    ["ProtocolVersion", { protocolVersion: "04ffff" }],
    ["ProtocolVersion", {}, { minProtocolVersion: "050003" }],
    ["ProtocolVersion", {}, { minProtocolVersion: null }],
    ["PriceValidity", { validUntilUs: hostRow().validUntilUs! - 1n }],
    ["PriceValidity", { lastSuccessfulScanUs: hostRow().lastSuccessfulScanUs! + 1n }],
    ["PriceValidity", { validUntilUs: null }],
    ["AcceptingContracts", { acceptingContracts: false }],
    ["QUIC", { hasQuic: false }],
    ["Siamux", { hasSiamux: false }],
    ["ContractPrice", { contractPrice: 10n ** 24n + 1n }],
    ["Collateral", { storagePrice: 101n }],
    ["Collateral", {}, { minCollateral: 201n }],
    ["Collateral", {}, { minCollateral: null }],
    ["StoragePrice", {}, { maxStoragePrice: 99n }],
    ["StoragePrice", {}, { maxStoragePrice: null }],
    ["IngressPrice", { ingressPrice: 401n }],
    ["IngressPrice", {}, { maxIngressPrice: null }],
    ["EgressPrice", { egressPrice: 501n }],
    ["EgressPrice", {}, { maxEgressPrice: null }],
    ["FreeSectorPrice", { freeSectorPrice: 4n * 10n ** 18n + 1n }],
  ];
  test.each(beyond)("%s %o %o", (check, host, settings) => {
    const failed = failedUsabilityChecks(hostRow(host), { ...SETTINGS, ...settings });
    // A longer contract period also raises the collateral that a host must offer, so MaxCollateral fails too.
    const expected = settings?.contractsPeriodBlocks === undefined ? [check] : [check, "MaxCollateral"];
    expect(failed).toEqual(expected);
  });
});

test("a host below the minimum collateral fails at any storage price", () => {
  expect(failedUsabilityChecks(hostRow({ collateral: 49n, storagePrice: 0n }), SETTINGS)).toEqual([
    "Collateral",
  ]);
  expect(failedUsabilityChecks(hostRow({ collateral: 50n, storagePrice: 25n }), SETTINGS)).toEqual([]);
});

test("protocol versions are compared byte by byte, each byte as a number", () => {
  const check = (protocolVersion: string) => failedUsabilityChecks(hostRow({ protocolVersion }), SETTINGS);
  expect(check("050100")).toEqual([]);
  expect(check("0a0000")).toEqual([]);
  expect(check("050010")).toEqual([]);
});

test("a host that was never scanned fails exactly the checks that need its settings", () => {
  expect(failedUsabilityChecks(hostRow({ lastSuccessfulScanUs: null }), SETTINGS)).toEqual([
    "MaxContractDuration",
    "MaxCollateral",
    "ProtocolVersion",
    "PriceValidity",
    "AcceptingContracts",
    "ContractPrice",
    "Collateral",
    "StoragePrice",
    "IngressPrice",
    "EgressPrice",
    "FreeSectorPrice",
  ]);
});

test("prices that expired long ago stay valid: the check compares their expiry with the last scan, not with the clock", () => {
  const host = hostRow({ lastSuccessfulScanUs: 0n, validUntilUs: 900_000_000n });
  expect(failedUsabilityChecks(host, SETTINGS)).toEqual([]);
});

test.each<[Partial<HostRow>, boolean]>([
  [{}, true],
  [{ blocked: true }, false],
  [{ stuck: true }, false],
  [{ remainingStorageSectors: 0n }, false],
  [{ hasQuic: false }, false],
])("good for upload %o: %s", (changes, good) => {
  expect(isGoodForUpload(hostRow(changes), SETTINGS)).toBe(good);
});
