import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { blake2b } from "@noble/hashes/blake2.js";

export const SIGNATURE_BYTES = 64;

/**
 * BLAKE2b with a 32-byte digest; all signatures of RHP4 sign such a hash. node:crypto has BLAKE2b only with 64 bytes.
 */
export function hash256(bytes: Uint8Array): Uint8Array {
  return blake2b(bytes, { dkLen: 32 });
}

/** The KeyObject of a raw Ed25519 public key. */
function publicKeyFromBytes(bytes: Uint8Array): KeyObject {
  const x = Buffer.from(bytes).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

/** The raw 32 bytes of an Ed25519 public key. */
export function publicKeyBytes(key: KeyObject): Uint8Array {
  const { x } = (key.type === "private" ? createPublicKey(key) : key).export({ format: "jwk" });
  return Uint8Array.from(Buffer.from(x ?? "", "base64url"));
}

export function signHash(hash: Uint8Array, privateKey: KeyObject): Uint8Array {
  return Uint8Array.from(sign(null, hash, privateKey));
}

export function verifyHash(hash: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, hash, publicKeyFromBytes(publicKey), signature);
}
