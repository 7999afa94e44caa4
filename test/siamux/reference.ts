import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";

// A second, slow and simple implementation of siamux v3 from docs/protocol.md with other libraries. It reads what the
// code under test sends, and writes what that code reads.

export interface ReferenceFrame {
  readonly id: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

export type ReferenceRole = "dialer" | "acceptor";

/** Seals or opens the packets of one direction, with the nonces of the side that sends them. */
export class ReferenceDirection {
  readonly #key: Uint8Array;
  readonly #sender: ReferenceRole;
  #counter = 0n;
  lastNonce = new Uint8Array(12);

  constructor(key: Uint8Array, sender: ReferenceRole) {
    this.#key = key;
    this.#sender = sender;
  }

  seal(plain: Uint8Array): Uint8Array {
    return chacha20poly1305(this.#key, this.#nextNonce()).encrypt(plain);
  }

  open(sealed: Uint8Array): Uint8Array {
    return chacha20poly1305(this.#key, this.#nextNonce()).decrypt(sealed);
  }

  #nextNonce(): Uint8Array {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setBigUint64(0, this.#counter, true);
    if (this.#sender === "acceptor") nonce[11] = 0x80;
    this.#counter += 1n;
    this.lastNonce = nonce;
    return nonce;
  }
}

export function referenceKey(
  privateKey: Uint8Array,
  dialer: Uint8Array,
  acceptor: Uint8Array,
  peer: Uint8Array,
) {
  const secret = x25519.getSharedSecret(privateKey, peer);
  return blake2b(concat([secret, dialer, acceptor]), { dkLen: 32 });
}

export const referencePublic = (privateKey: Uint8Array): Uint8Array => x25519.getPublicKey(privateKey);
export const referenceSign = (message: Uint8Array, seed: Uint8Array): Uint8Array =>
  ed25519.sign(message, seed);
export const referenceIdentity = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed);

export function referenceFrameBytes(frame: ReferenceFrame): Uint8Array {
  const bytes = new Uint8Array(8 + frame.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, frame.id * 2 + 1, true);
  view.setUint16(4, frame.payload.length, true);
  view.setUint16(6, frame.flags, true);
  bytes.set(frame.payload, 8);
  return bytes;
}

/** Plaintext packets with the frames of one flush; `filler` is the padding's content after its first byte. */
export function referencePlainPackets(
  frames: readonly ReferenceFrame[],
  packetSizeBytes: number,
  filler: "zeros" | "covert" = "zeros",
): Uint8Array[] {
  const plainBytes = packetSizeBytes - 16;
  const bytes = concat(frames.map(referenceFrameBytes));
  const packets: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += plainBytes) {
    const packet = new Uint8Array(plainBytes);
    const part = bytes.subarray(offset, offset + plainBytes);
    packet.set(part);
    if (filler === "covert" && part.length < plainBytes) {
      packet.fill(0xff, part.length);
      packet[part.length] = 0x02;
    }
    packets.push(packet);
  }
  return packets;
}

/** Reads frames byte by byte. Throws if a packet begins with padding, which a writer never produces. */
export class ReferenceFrameReader {
  readonly frames: ReferenceFrame[] = [];
  #bytes: number[] = [];

  readPacket(plain: Uint8Array): void {
    for (const [position, byte] of plain.entries()) {
      if (this.#bytes.length === 0 && (byte & 1) === 0) {
        if (position === 0) throw new Error("a packet begins with padding");
        return;
      }
      this.#bytes.push(byte);
      if (this.#bytes.length >= 8 && this.#bytes.length === 8 + this.#bytes[4]! + 256 * this.#bytes[5]!) {
        const bytes = Uint8Array.from(this.#bytes);
        const view = new DataView(bytes.buffer);
        const id = Math.floor(view.getUint32(0, true) / 2);
        this.frames.push({ id, flags: view.getUint16(6, true), payload: bytes.slice(8) });
        this.#bytes = [];
      }
    }
  }
}

export function referenceFrames(plainPackets: readonly Uint8Array[]): ReferenceFrame[] {
  const reader = new ReferenceFrameReader();
  for (const packet of plainPackets) reader.readPacket(packet);
  return reader.frames;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
