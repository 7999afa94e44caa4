import { createHash, createPrivateKey, type KeyObject } from "node:crypto";
import { publicKeyBytes } from "../../lib/rhp4/signing.ts";
import { type HostKey, hexOf, parseHostKey } from "../../lib/slab/ids.ts";

export interface HostIdentity {
  readonly privateKey: KeyObject;
  readonly hostKey: HostKey;
}

/** The first bytes of a PKCS #8 Ed25519 private key in DER; the 32 secret bytes follow them. See RFC 8410 section 7. */
const PKCS8_ED25519_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** The same seed and index always give the same host key, so that a restarted swarm has the same hosts. */
export function hostIdentity(seed: string, index: number): HostIdentity {
  const secret = createHash("sha256").update(`slabmend swarm host ${index} ${seed}`).digest();
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519_PREFIX, secret]),
    format: "der",
    type: "pkcs8",
  });
  return { privateKey, hostKey: parseHostKey(hexOf(publicKeyBytes(privateKey))) };
}
