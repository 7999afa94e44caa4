import { createPrivateKey, type KeyObject } from "node:crypto";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import type { FileContract } from "../../lib/rhp4/file-contract.ts";
import { signHostPrices, type UnsignedPrices } from "../../lib/rhp4/host-prices.ts";
import type { HostSettings } from "../../lib/rhp4/host-settings.ts";
import { publicKeyBytes } from "../../lib/rhp4/signing.ts";
import { hexOf, parseHostKey, parseRoot } from "../../lib/slab/ids.ts";

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
export const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

/** The private key of a host, made from its 32-byte seed. */
export function hostIdentity(seed: Uint8Array): KeyObject {
  const head = Buffer.from("302e020100300506032b657004220420", "hex");
  return createPrivateKey({ key: Buffer.concat([head, seed]), format: "der", type: "pkcs8" });
}

/** The host and account of vectors.test.ts. */
export const identity = hostIdentity(filled(32, 0x22));
export const hostKey = parseHostKey(hexOf(publicKeyBytes(identity)));
export const accountKey = accountKeyFromSeed(filled(32, 0x11));

export const unsignedPrices: UnsignedPrices = {
  contractPrice: 10n ** 24n,
  collateral: 200n,
  storagePrice: 100n,
  ingressPrice: 1000n,
  egressPrice: 2000n,
  freeSectorPrice: 3n,
  tipHeight: 777n,
  validUntilSeconds: 1_700_000_000n,
};
export const prices = signHostPrices(unsignedPrices, identity);
export const root = parseRoot("5610a4729c087a39ab0281ef9c74861eb48442696f3d666b61d30ec32daa0b8b");

export const hostSettings: HostSettings = {
  protocolVersion: [5, 1, 0],
  release: "hostd v2.9.0 – ü",
  walletAddress: filled(32, 5),
  acceptingContracts: true,
  maxCollateral: 10n ** 27n,
  maxContractDurationBlocks: 25_920n,
  remainingStorageSectors: 1_000n,
  totalStorageSectors: 2_000n,
  prices,
};

export const contract: FileContract = {
  capacityBytes: 1n << 40n,
  filesizeBytes: 1n << 39n,
  fileMerkleRoot: filled(32, 1),
  proofHeight: 500_000n,
  expirationHeight: 500_144n,
  renterOutput: { value: 123_456_789n, address: filled(32, 2) },
  hostOutput: { value: (1n << 127n) + 5n, address: filled(32, 3) },
  missedHostValue: 99n,
  totalCollateral: 100n,
  renterPublicKey: filled(32, 4),
  hostPublicKey: filled(32, 5),
  revisionNumber: 42n,
  renterSignature: filled(64, 6),
  hostSignature: filled(64, 7),
};
