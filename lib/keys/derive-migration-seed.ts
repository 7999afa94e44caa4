import { blake2b } from "@noble/hashes/blake2.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { createHasher } from "@noble/hashes/utils.js";
import { Secret } from "../secret/secret.ts";
import { accountKeyFromSeed } from "./account-key.ts";
import { entropyOfPhrase } from "./recovery-phrase.ts";

/** BLAKE2b with a digest of 32 bytes, which differs from a truncated BLAKE2b-512. */
const blake2b256 = createHasher(() => blake2b.create({ dkLen: 32 }));

/** The values that the operator's machine derives from a recovery phrase. Neither gives access to the wallet's coins. */
export interface MigrationSecrets {
  /** 32 bytes, the only key that workers get: the seed of the account that pays for repairs. */
  readonly migrationSeed: Secret<Uint8Array>;
  /** 32 bytes, compared with `global_settings.wallet_hash` to show that the phrase is this indexd's. */
  readonly walletHash: Uint8Array;
}

/** Derives both from twelve words: docs/protocol.md#key-derivation. Throws RecoveryPhraseError. */
export function deriveMigrationSeed(phrase: Secret<string>): MigrationSecrets {
  const walletKey = walletPrivateKey(entropyOfPhrase(phrase.reveal()));
  return {
    migrationSeed: new Secret(serviceSeed(walletKey, "migration")),
    walletHash: blake2b256(walletKey),
  };
}

/** The wallet's Ed25519 key, seed then public key: 64 bytes that control the coins. */
export function walletPrivateKey(entropy: Uint8Array): Uint8Array {
  // The first key of a wallet, as a 64-bit index.
  const keyIndex = new Uint8Array(8);
  const seed = blake2b256(Buffer.concat([blake2b256(entropy), keyIndex]));
  return Buffer.concat([seed, accountKeyFromSeed(seed).account]);
}

/** Ed25519 seed of one of indexd's services, named by its purpose. */
export function serviceSeed(walletKey: Uint8Array, purpose: "migration" | "integrity"): Uint8Array {
  return hkdf(blake2b256, walletKey, Buffer.from(purpose, "ascii"), new Uint8Array(0), 32);
}
