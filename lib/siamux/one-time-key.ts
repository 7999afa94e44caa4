import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { HandshakeError } from "./siamux-error.ts";
import { PUBLIC_KEY_BYTES } from "./wire-format.ts";

// node:crypto takes X25519 and Ed25519 keys in DER only; these are the fixed bytes before the raw key (RFC 8410).
const X25519_PRIVATE_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex");
const X25519_PUBLIC_PREFIX = Buffer.from("302a300506032b656e032100", "hex");
const ED25519_PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** An X25519 key pair for one connection. */
export interface OneTimeKey {
  readonly publicBytes: Buffer;
  /** Throws `low-order-point` for a public key that makes the secret predictable. */
  secretWith(peerPublicBytes: Uint8Array): Buffer;
}

/** `privateBytes`: 32 random bytes. */
export function oneTimeKey(privateBytes: Uint8Array): OneTimeKey {
  const privateKey = createPrivateKey({
    key: Buffer.concat([X25519_PRIVATE_PREFIX, privateBytes]),
    format: "der",
    type: "pkcs8",
  });
  return {
    publicBytes: rawPublicBytes(createPublicKey(privateKey)),
    secretWith: (peerPublicBytes) => secret(privateKey, peerPublicBytes),
  };
}

/** An Ed25519 public key from its 32 bytes. Accepts any 32 bytes; an invalid key verifies no signature. */
export function ed25519PublicKey(raw: Uint8Array): KeyObject {
  return publicKey(ED25519_PUBLIC_PREFIX, raw);
}

function secret(privateKey: KeyObject, peerPublicBytes: Uint8Array): Buffer {
  const peerKey = publicKey(X25519_PUBLIC_PREFIX, peerPublicBytes);
  let shared: Buffer;
  try {
    shared = diffieHellman({ privateKey, publicKey: peerKey });
  } catch (cause) {
    // OpenSSL refuses to derive an all-zero secret.
    throw lowOrderPoint(cause);
  }
  if (shared.every((byte) => byte === 0)) throw lowOrderPoint();
  return shared;
}

function lowOrderPoint(cause?: unknown): HandshakeError {
  return new HandshakeError({
    code: "low-order-point",
    message: "siamux handshake: the peer's one-time key is a low-order point",
    remedy: "Anyone could read a connection with this key: use another host.",
    cause,
  });
}

function publicKey(prefix: Buffer, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([prefix, raw]), format: "der", type: "spki" });
}

function rawPublicBytes(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }).subarray(-PUBLIC_KEY_BYTES);
}
