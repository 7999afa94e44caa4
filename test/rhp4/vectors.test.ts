import { expect, test } from "vitest";
import {
  accountTokenSighash,
  checkAccountToken,
  createAccountToken,
  encodeAccountToken,
} from "../../lib/rhp4/account-token.ts";
import { readSectorCost, sectorRootsCost, verifySectorCost, writeSectorCost } from "../../lib/rhp4/costs.ts";
import { encodeFileContract } from "../../lib/rhp4/file-contract.ts";
import { encodeHostPrices, hostPricesSighash, hostPricesSignedBy } from "../../lib/rhp4/host-prices.ts";
import { hexOf } from "../../lib/slab/ids.ts";
import { accountKey, contract, hostKey, prices, unsignedPrices } from "./samples.ts";

// The reference implementation in Go computed the same values as those expected here.

test("an account token hashes and signs as Go's does", () => {
  const token = createAccountToken(accountKey, hostKey, 1_700_000_000_999);
  expect(hexOf(accountKey.account)).toBe("d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737");
  expect(hostKey).toBe("a09aa5f47a6759802ff955f8dc2d2a14a5c99d23be97f864127ff9383455a4f0");
  expect(hexOf(encodeAccountToken(token).subarray(64, 72))).toBe("00f1536500000000");
  expect(hexOf(accountTokenSighash(token))).toBe(
    "2b0596db7dbed6321f75b510d4157d3b52bbe38d7c13dde9dce7d9c17b8333ab",
  );
  expect(hexOf(token.signature)).toBe(
    "4b5878ccbc717969d70fa772b2731381e1e65d10335ceca55ce1567fa2db24c3148210f9584815ff2af1e871da967a90fbf02071b810822225f3655ee4b9920c",
  );
  expect(encodeAccountToken(token).length).toBe(136);
  // A token is valid until exactly the whole second that it names. One millisecond later it has expired, as on a host,
  // whose clock counts nanoseconds.
  expect(checkAccountToken(token, hostKey, 1_700_000_000_000)).toBe("valid");
  expect(checkAccountToken(token, hostKey, 1_700_000_000_001)).toBe("account token expired");
});

test("prices encode, hash and sign as Go's do", () => {
  const bytes = encodeHostPrices(prices);
  expect(bytes.length).toBe(176);
  expect(hexOf(bytes.subarray(0, 112))).toBe(
    "000000a1edccce1bc2d3000000000000c800000000000000000000000000000064000000000000000000000000000000e8030000000000000000000000000000d007000000000000000000000000000003000000000000000000000000000000090300000000000000f1536500000000",
  );
  expect(hexOf(hostPricesSighash(unsignedPrices))).toBe(
    "ab19671016a7fec6bf371188888928a62a1eb8a4373739b9d843176822b91baf",
  );
  expect(hexOf(prices.signature)).toBe(
    "dfc1142fb8bf3945093349be4d7e17c7dfe62466ee6d39eb7b7f63ef7182a09c1f37b2a7033b6809980eb4f8c5cfca441743fd5e4f32c94dc2114e3161d4af06",
  );
  expect(hostPricesSignedBy(prices, hostKey)).toBe(true);
});

test("the costs of reads, writes and other calls have the expected values", () => {
  const MiB = 1_048_576;
  expect(readSectorCost(prices, 64)).toBe(8_192_000n);
  expect(readSectorCost(prices, 4096)).toBe(8_192_000n);
  expect(readSectorCost(prices, 4160)).toBe(16_384_000n);
  expect(readSectorCost(prices, MiB)).toBe(2_097_152_000n);
  expect(writeSectorCost(prices, 4 * MiB)).toBe(185_388_236_800n);
  expect(writeSectorCost(prices, 64)).toBe(181_198_028_800n);
  expect(verifySectorCost(prices)).toBe(8_388_608_000n);
  expect(sectorRootsCost(prices, 100)).toBe(8_192_000n);
});

test("a contract's fields have the documented offsets", () => {
  const bytes = encodeFileContract(contract);
  const view = new DataView(bytes.buffer);
  expect(bytes.length).toBe(392);
  expect(view.getBigUint64(8, true)).toBe(contract.filesizeBytes);
  expect(view.getBigUint64(48, true)).toBe(contract.proofHeight);
  expect(view.getBigUint64(56, true)).toBe(contract.expirationHeight);
  expect(view.getBigUint64(64, true)).toBe(contract.renterOutput.value);
  expect(view.getBigUint64(112, true)).toBe(5n);
  expect(view.getBigUint64(120, true)).toBe(1n << 63n);
  expect(view.getBigUint64(160, true)).toBe(contract.missedHostValue);
  expect(view.getBigUint64(176, true)).toBe(contract.totalCollateral);
  expect(view.getBigUint64(256, true)).toBe(contract.revisionNumber);
  for (const [offset, value] of [
    [16, 1],
    [80, 2],
    [128, 3],
    [192, 4],
    [224, 5],
    [264, 6],
    [328, 7],
  ] as const) {
    expect([bytes[offset - 1] === value, bytes[offset]], `offset ${offset}`).toEqual([false, value]);
  }
});
