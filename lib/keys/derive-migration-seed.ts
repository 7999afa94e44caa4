import { blake2b } from "@noble/hashes/blake2.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { createHasher } from "@noble/hashes/utils.js";
import { Secret } from "../secret/secret.ts";
import { accountKeyFromSeed } from "./account-key.ts";
import { entropyOfPhrase } from "./recovery-phrase.ts";

/** BLAKE2b with a digest of 32 bytes. This is not the same as the first 32 bytes of BLAKE2b-512. */
const blake2b256 = createHasher(() => blake2b.create({ dkLen: 32 }));

/**
 * The values that the operator's machine derives from a recovery phrase. Neither gives access to the wallet's coins.
 */
export interface MigrationSecrets {
  /** The seed of the account that pays for repairs, 32 bytes: the only key that workers get. */
  readonly migrationSeed: Secret<Uint8Array>;
  /** Compared with `global_settings.wallet_hash` to show that the phrase belongs to this indexd; 32 bytes. */
  readonly walletHash: Uint8Array;
}

/** Derives both values from twelve words: docs/protocol.md#key-derivation. Throws RecoveryPhraseError. */
export function deriveMigrationSeed(phrase: Secret<string>): MigrationSecrets {
  const walletKey = walletPrivateKey(entropyOfPhrase(phrase.reveal()));
  return {
    migrationSeed: new Secret(serviceSeed(walletKey, "migration")),
    walletHash: blake2b256(walletKey),
  };
}

/** The wallet's Ed25519 key, 64 bytes that control the coins: the seed, followed by the public key. */
export function walletPrivateKey(entropy: Uint8Array): Uint8Array {
  // 0: the index of a wallet's first key, in 64 bits.
  const keyIndex = new Uint8Array(8);
  const seed = blake2b256(Buffer.concat([blake2b256(entropy), keyIndex]));
  return Buffer.concat([seed, accountKeyFromSeed(seed).account]);
}

/** The Ed25519 seed of the indexd service that has this purpose. */
export function serviceSeed(walletKey: Uint8Array, purpose: "migration" | "integrity"): Uint8Array {
  return hkdf(blake2b256, walletKey, Buffer.from(purpose, "ascii"), new Uint8Array(0), 32);
}
