import type { FrameReader } from "./frame-reader.ts";
import type { PacketCipher } from "./packet-cipher.ts";
import { releaseMemory } from "./release-memory.ts";
import { protocolViolation } from "./siamux-error.ts";

/**
 * Cuts what the transport delivers, in chunks of any size, into packets and opens them. A packet that lies whole in
 * a chunk is opened where it is; only the one that straddles two chunks is copied together first.
 */
export class PacketReader {
  readonly #cipher: PacketCipher;
  readonly #frames: FrameReader;
  readonly #partial: Buffer;
  #partialBytes = 0;

  constructor(cipher: PacketCipher, frames: FrameReader, packetSizeBytes: number) {
    this.#cipher = cipher;
    this.#frames = frames;
    this.#partial = Buffer.allocUnsafeSlow(packetSizeBytes);
  }

  /** True when the transport must not end here. */
  get isInsidePacket(): boolean {
    return this.#partialBytes > 0;
  }

  /** Throws MuxClosedError when the peer broke the protocol. */
  push(chunk: Buffer): void {
    const packetBytes = this.#partial.length;
    let offset = 0;
    if (this.#partialBytes > 0) {
      offset = Math.min(packetBytes - this.#partialBytes, chunk.length);
      chunk.copy(this.#partial, this.#partialBytes, 0, offset);
      this.#partialBytes += offset;
      if (this.#partialBytes < packetBytes) return;
      this.#partialBytes = 0;
      this.#open(this.#partial);
    }
    while (chunk.length - offset >= packetBytes) {
      this.#open(chunk.subarray(offset, offset + packetBytes));
      offset += packetBytes;
    }
    chunk.copy(this.#partial, 0, offset);
    this.#partialBytes = chunk.length - offset;
  }

  #open(sealed: Buffer): void {
    const plain = this.#cipher.open(sealed);
    if (plain === undefined) throw protocolViolation("bad-packet", "a packet's tag does not fit its content");
    this.#frames.readPacket(plain);
    // Payloads were valid until that call returned.
    releaseMemory(plain);
  }
}
