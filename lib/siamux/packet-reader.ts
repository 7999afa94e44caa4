import type { FrameReader } from "./frame-reader.ts";
import type { PacketCipher } from "./packet-cipher.ts";
import { protocolViolation } from "./siamux-error.ts";

/**
 * Splits the transport's chunks, of any size, into packets and decrypts all packets of a chunk at once. A chunk that a
 * socket has read into the packet memory is decrypted in place; any other chunk is copied into this memory first. An
 * incomplete packet is kept here and put before the next chunk.
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

  /** Whether a packet is incomplete: if the transport ends now, the packet is cut off. */
  get isInsidePacket(): boolean {
    return this.#partialBytes > 0;
  }

  /** Throws MuxClosedError on a protocol violation. */
  push(chunk: Buffer): void {
    const { readArea } = this.#cipher.memory;
    if (chunk.buffer === readArea.buffer) {
      this.#open(chunk.length);
      return;
    }
    for (let offset = 0; offset < chunk.length; offset += readArea.length) {
      this.#open(chunk.copy(readArea, 0, offset, offset + readArea.length));
    }
  }

  /** Decrypts the content of the read area. */
  #open(bytes: number): void {
    const { incoming, readStart } = this.#cipher.memory;
    const packetBytes = this.#partial.length;
    const start = readStart - this.#partialBytes;
    const end = readStart + bytes;
    this.#partial.copy(incoming, start, 0, this.#partialBytes);
    const count = Math.floor((end - start) / packetBytes);
    const good = this.#cipher.open(start, count, packetBytes);
    this.#partialBytes = incoming.copy(this.#partial, 0, start + count * packetBytes, end);
    for (let n = 0; n < good; n++) this.#frames.readPacket(incoming, start + n * packetBytes, packetBytes);
    if (good < count) throw protocolViolation("bad-packet", "a packet's tag does not fit its content");
  }
}
