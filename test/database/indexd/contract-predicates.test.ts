import { describe, expect, test } from "vitest";
import { isGoodForAppend, maxRenewableBytes } from "../../../lib/database/indexd/append-contract.ts";
import { isActiveContract, isHealthyContract } from "../../../lib/database/indexd/contract-health.ts";
import type { ContractRow, HostRow } from "../../../lib/database/indexd/raw-rows.ts";
import { contractRow, hostRow, SETTINGS } from "./raw-rows.ts";

const SECTOR = 4_194_304n;

describe("active and healthy", () => {
  test.each<[Partial<ContractRow>, boolean, boolean]>([
    [{}, true, true],
    [{ state: 0 }, true, true],
    [{ state: 2 }, false, false],
    [{ state: 3 }, false, false],
    [{ state: 4 }, false, false],
    [{ renewed: true }, false, false],
    [{ proofHeight: 1001n }, true, true],
    [{ proofHeight: 1000n }, false, false],
    [{ proofHeight: 999n }, false, false],
    [{ good: false }, true, false],
  ])("%o: active %s, healthy %s", (changes, active, healthy) => {
    expect(isActiveContract(contractRow(changes), SETTINGS)).toBe(active);
    expect(isHealthyContract(contractRow(changes), SETTINGS)).toBe(healthy);
  });
});

describe("max renewable", () => {
  // For one sector a host risks its collateral per byte and block x 4 MiB x (6048 + 144) blocks.
  const perSector = 200n * SECTOR * 6192n;
  test.each<[string, Pick<HostRow, "maxCollateral" | "collateral">, bigint]>([
    ["nothing", { maxCollateral: 0n, collateral: 200n }, 0n],
    ["one hasting short of a sector", { maxCollateral: perSector - 1n, collateral: 200n }, 0n],
    ["one sector, less a fifth, in whole sectors", { maxCollateral: perSector, collateral: 200n }, 0n],
    ["two sectors", { maxCollateral: 2n * perSector, collateral: 200n }, SECTOR],
    [
      "one hasting short of five sectors",
      { maxCollateral: 5n * perSector - 1n, collateral: 200n },
      3n * SECTOR,
    ],
    ["five sectors", { maxCollateral: 5n * perSector, collateral: 200n }, 4n * SECTOR],
    ["the cap of 10 TiB", { maxCollateral: 10n ** 38n, collateral: 1n }, 2_097_152n * SECTOR],
    ["just below the cap", { maxCollateral: 2_621_439n * perSector, collateral: 200n }, 2_097_151n * SECTOR],
    ["just at the cap", { maxCollateral: 2_621_440n * perSector, collateral: 200n }, 2_097_152n * SECTOR],
    ["free collateral divides by one", { maxCollateral: 3n, collateral: 0n }, 2n * SECTOR],
    ["more than 64 bits", { maxCollateral: 2n ** 127n, collateral: 0n }, 2_097_152n * SECTOR],
    ["exactly 64 bits", { maxCollateral: 2n ** 42n, collateral: 0n }, 2_097_152n * SECTOR],
  ])("%s", (_name, host, bytes) => {
    expect(maxRenewableBytes(host, SETTINGS)).toBe(bytes);
  });
});

describe("good for append", () => {
  const roomy = hostRow({ maxCollateral: 10n ** 38n });
  const durationBlocks = 9144n - 1000n;
  const renterCost = 100n * SECTOR * durationBlocks + 400n * 4096n;
  const risked = 200n * SECTOR * durationBlocks;
  const full = { capacityBytes: SECTOR, sizeBytes: SECTOR };
  const funded = { ...full, remainingAllowance: renterCost, totalCollateral: risked };

  test.each<[string, Partial<ContractRow>, boolean]>([
    ["paid room left, no funds", {}, true],
    ["not good", { good: false }, false],
    ["in the renew window", { proofHeight: 3016n }, false],
    ["one block before the renew window", { proofHeight: 3017n }, true],
    ["past proof height", { proofHeight: 1000n }, false],
    ["renewed", { renewed: true }, false],
    ["full, funded to the hasting", funded, true],
    ["full, one hasting of allowance short", { ...funded, remainingAllowance: renterCost - 1n }, false],
    ["full, one hasting of collateral short", { ...funded, totalCollateral: risked - 1n }, false],
    [
      "full, collateral used already",
      { ...funded, totalCollateral: risked * 2n, usedCollateral: risked + 1n },
      false,
    ],
    [
      "full, enough collateral left",
      { ...funded, totalCollateral: risked * 2n, usedCollateral: risked },
      true,
    ],
    [
      "full, expires now, pays traffic only",
      { ...full, expirationHeight: 1000n, remainingAllowance: 400n * 4096n },
      true,
    ],
    ["full, expired: an unsigned duration is unpayable", { ...funded, expirationHeight: 999n }, false],
    ["room left, though expired", { expirationHeight: 999n }, true],
  ])("%s: %o", (_name, changes, good) => {
    expect(isGoodForAppend(contractRow(changes), roomy, SETTINGS)).toBe(good);
  });

  test("a contract at its maximum renewable size takes no more sectors", () => {
    const host = hostRow({ maxCollateral: 5n * 200n * SECTOR * 6192n });
    const sized = (sizeBytes: bigint) => contractRow({ sizeBytes, capacityBytes: 100n * SECTOR });
    expect(isGoodForAppend(sized(4n * SECTOR - 1n), host, SETTINGS)).toBe(true);
    expect(isGoodForAppend(sized(4n * SECTOR), host, SETTINGS)).toBe(false);
  });
});
