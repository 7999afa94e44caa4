import { type KeyObject, sign, verify } from "node:crypto";
import { blake2b } from "@noble/hashes/blake2.js";
import {
  type ConnectionSettings,
  decodeSettings,
  encodeSettings,
  mergeSettings,
} from "./connection-settings.ts";
import type { HandshakeTransport } from "./handshake-transport.ts";
import type { OneTimeKey } from "./one-time-key.ts";
import { PacketCipher } from "./packet-cipher.ts";
import { HandshakeError } from "./siamux-error.ts";
import {
  HANDSHAKE_REPLY_BYTES,
  PROTOCOL_VERSION,
  PUBLIC_KEY_BYTES,
  SEALED_SETTINGS_BYTES,
  SIGNATURE_BYTES,
} from "./wire-format.ts";

// docs/protocol.md#handshake:
//
//   dialer                                acceptor
//     version, XD            ──▶
//                            ◀──            version                        (as soon as it has read the dialer's)
//                            ◀──            XH, signature, sealed settings
//     sealed settings        ──▶                                           (together with the first packets)

export interface HandshakeResult {
  readonly cipher: PacketCipher;
  readonly settings: ConnectionSettings;
}

/** The dialer's side. `tail` is the dialer's sealed settings, which the caller must send before anything else. */
export async function dialHandshake(
  transport: HandshakeTransport,
  parts: { hostKey: KeyObject; oneTimeKey: OneTimeKey; settings: ConnectionSettings },
): Promise<HandshakeResult & { readonly tail: Buffer }> {
  const ours = parts.oneTimeKey.publicBytes;
  transport.write(Buffer.concat([Uint8Array.of(PROTOCOL_VERSION), ours]));
  assertVersion(await transport.read(1));
  const reply = await transport.read(HANDSHAKE_REPLY_BYTES);
  const theirs = reply.subarray(0, PUBLIC_KEY_BYTES);
  const signature = reply.subarray(PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES + SIGNATURE_BYTES);
  if (!verify(null, Buffer.concat([ours, theirs]), parts.hostKey, signature)) {
    throw new HandshakeError({
      code: "bad-signature",
      message: "siamux handshake: the signature was not made with the dialled host key",
      remedy:
        "Another host answers at this address: wait until the dialled host announces its address again.",
    });
  }
  const key = packetKey(parts.oneTimeKey.secretWith(theirs), ours, theirs);
  const cipher = new PacketCipher(key, "dialer");
  const settings = openSettings(cipher, reply.subarray(PUBLIC_KEY_BYTES + SIGNATURE_BYTES), parts.settings);
  return { cipher, settings, tail: sealSettings(cipher, parts.settings) };
}

/** The acceptor's side. */
export async function acceptHandshake(
  transport: HandshakeTransport,
  parts: { identity: KeyObject; oneTimeKey: OneTimeKey; settings: ConnectionSettings },
): Promise<HandshakeResult> {
  const version = await transport.read(1);
  transport.write(Uint8Array.of(PROTOCOL_VERSION));
  assertVersion(version);
  const theirs = await transport.read(PUBLIC_KEY_BYTES);
  const ours = parts.oneTimeKey.publicBytes;
  const key = packetKey(parts.oneTimeKey.secretWith(theirs), theirs, ours);
  const cipher = new PacketCipher(key, "acceptor");
  const signature = sign(null, Buffer.concat([theirs, ours]), parts.identity);
  transport.write(Buffer.concat([ours, signature, sealSettings(cipher, parts.settings)]));
  const settings = openSettings(cipher, await transport.read(SEALED_SETTINGS_BYTES), parts.settings);
  return { cipher, settings };
}

/** BLAKE2b-256 over the secret, the dialer's one-time public key and the acceptor's, in this order on both sides. */
export function packetKey(
  secret: Uint8Array,
  dialerPublic: Uint8Array,
  acceptorPublic: Uint8Array,
): Uint8Array {
  return blake2b(Buffer.concat([secret, dialerPublic, acceptorPublic]), { dkLen: 32 });
}

/**
 * Accepts our version and later ones, because a peer of a later version also supports ours. Version 0 is invalid, and
 * versions 1 and 2 are no longer supported.
 */
function assertVersion(bytes: Buffer): void {
  const version = bytes[0]!;
  if (version >= PROTOCOL_VERSION) return;
  throw new HandshakeError({
    code: "unsupported-version",
    message: `siamux handshake: version: expected ${PROTOCOL_VERSION} or later, got ${version}`,
    remedy: "The peer is too old, or runs another protocol on this port: use another host.",
    details: { version },
  });
}

function sealSettings(cipher: PacketCipher, settings: ConnectionSettings): Buffer {
  return cipher.sealMessage(encodeSettings(settings));
}

function openSettings(cipher: PacketCipher, sealed: Buffer, ours: ConnectionSettings): ConnectionSettings {
  const plain = cipher.openMessage(sealed);
  if (plain !== undefined) return mergeSettings(ours, decodeSettings(plain));
  throw new HandshakeError({
    code: "undecryptable-settings",
    message: "siamux handshake: the peer's settings do not decrypt",
    remedy: "The peer derived another key: its implementation or the network is broken. Use another host.",
  });
}
