import type { HostKey } from "../slab/ids.ts";
import { type Decoder, decodeWhole, Encoder, wireTimeToMs } from "./encoding.ts";
import { hash256, SIGNATURE_BYTES, verifyHash } from "./signing.ts";

/**
 * Signs payments to hosts: an Ed25519 key whose public key is the account's id. lib/keys derives it from the migration
 * seed.
 */
export interface AccountSigner {
  /** 32 bytes. */
  readonly account: Uint8Array;
  /** The Ed25519 signature over exactly these bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/**
 * Allows one host to debit one account until a given time. A token can be used repeatedly, and hosts accept any expiry
 * time: whoever gets a leaked token can spend the account's money on that host, so a token must never reach a
 * log or a message.
 */
export interface AccountToken {
  readonly hostKey: HostKey;
  readonly account: Uint8Array;
  readonly validUntilSeconds: bigint;
  readonly signature: Uint8Array;
}

export const ACCOUNT_BYTES = 32;
const SIGNED_BYTES = 72;
export const ACCOUNT_TOKEN_BYTES = SIGNED_BYTES + SIGNATURE_BYTES;

type UnsignedToken = Omit<AccountToken, "signature">;

function signedPart(token: UnsignedToken): Uint8Array {
  return new Encoder(SIGNED_BYTES)
    .id(token.hostKey)
    .fixed(token.account, ACCOUNT_BYTES)
    .u64(token.validUntilSeconds)
    .finish();
}

export function accountTokenSighash(token: UnsignedToken): Uint8Array {
  return hash256(signedPart(token));
}

/** Makes a token; `validUntilMs` is rounded down to seconds. */
export function createAccountToken(
  signer: AccountSigner,
  hostKey: HostKey,
  validUntilMs: number,
): AccountToken {
  const validUntilSeconds = BigInt(Math.floor(validUntilMs / 1000));
  const unsigned = { hostKey, account: signer.account, validUntilSeconds };
  return { ...unsigned, signature: signer.sign(accountTokenSighash(unsigned)) };
}

export function encodeAccountToken(token: AccountToken): Uint8Array {
  return new Encoder(ACCOUNT_TOKEN_BYTES)
    .fixed(signedPart(token), SIGNED_BYTES)
    .fixed(token.signature, SIGNATURE_BYTES)
    .finish();
}

/** Reads the 136 bytes at the decoder's position, as part of a larger message. */
export function readAccountToken(from: Decoder): AccountToken {
  return {
    hostKey: from.id<HostKey>(),
    account: from.fixed(ACCOUNT_BYTES),
    validUntilSeconds: from.u64(),
    signature: from.fixed(SIGNATURE_BYTES),
  };
}

export function decodeAccountToken(bytes: Uint8Array): AccountToken {
  return decodeWhole("account token", bytes, readAccountToken);
}

export type TokenVerdict = "valid" | "host key mismatch" | "account token expired" | "invalid signature";

/**
 * Host side: makes the same checks in the same order as real hosts; each refusal is the text that a real host sends.
 */
export function checkAccountToken(token: AccountToken, hostKey: HostKey, nowMs: number): TokenVerdict {
  if (token.hostKey !== hostKey) return "host key mismatch";
  // Like a real host, compares fractions of a second: a token has expired as soon as its last second has begun.
  if (BigInt(Math.floor(nowMs)) > wireTimeToMs(token.validUntilSeconds)) return "account token expired";
  return verifyHash(accountTokenSighash(token), token.account, token.signature)
    ? "valid"
    : "invalid signature";
}
