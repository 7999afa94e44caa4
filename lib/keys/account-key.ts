import { createPrivateKey, sign } from "node:crypto";
import { SlabmendError } from "../errors/slabmend-error.ts";
import { publicKeyBytes } from "../rhp4/signing.ts";

/** The account that pays for repairs. Its seed is private: no property and no log shows it. */
export interface AccountKey {
  /** The account's id: its Ed25519 public key, 32 bytes. */
  readonly account: Uint8Array;
  /** Ed25519 signature of exactly these bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** Thrown if the migration seed has the wrong size; never contains the seed. */
class AccountSeedError extends SlabmendError<"malformed-account-seed"> {
  constructor(gotBytes: number) {
    super({
      code: "malformed-account-seed",
      message: `account seed: expected 32 bytes, got ${gotBytes}`,
      remedy: "Derive the migration seed again from the recovery phrase.",
    });
  }
}

/** The PKCS #8 encoding of an Ed25519 private key, without the seed at its end (RFC 8410, section 7). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** The account key of a 32-byte Ed25519 seed: docs/protocol.md#key-derivation. */
export function accountKeyFromSeed(seed: Uint8Array): AccountKey {
  if (seed.length !== 32) throw new AccountSeedError(seed.length);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  return Object.freeze({
    account: publicKeyBytes(key),
    sign: (bytes: Uint8Array) => Uint8Array.from(sign(null, bytes, key)),
  });
}
