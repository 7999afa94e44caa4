import { releaseMemory } from "./release-memory.ts";

const FIRST_BLOCK_BYTES = 4_096;
const LARGEST_BLOCK_BYTES = 65_536;

interface Block {
  readonly bytes: Buffer;
  start: number;
  end: number;
}

/**
 * A FIFO of bytes that arrived before a read asked for them. They are copied into our own blocks: if the frames' memory
 * were kept, a peer that sends one byte per packet could occupy four thousand times as much memory as this buffer
 * counts. Blocks double in size up to 64 KiB, so a small answer does not need a large block.
 */
export class ReceiveBuffer {
  #blocks: Block[] = [];
  #lengthBytes = 0;

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  append(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      const block = this.#blockWithRoom();
      const take = Math.min(bytes.length - offset, block.bytes.length - block.end);
      block.bytes.set(bytes.subarray(offset, offset + take), block.end);
      block.end += take;
      offset += take;
    }
    this.#lengthBytes += bytes.length;
  }

  /** Moves as many bytes as are available and fit into `target` from `offset`; returns their number. */
  moveInto(target: Uint8Array, offset: number): number {
    let moved = 0;
    while (this.#lengthBytes > 0 && offset + moved < target.length) {
      const block = this.#blocks[0]!;
      const take = Math.min(block.end - block.start, target.length - offset - moved);
      target.set(block.bytes.subarray(block.start, block.start + take), offset + moved);
      block.start += take;
      moved += take;
      this.#lengthBytes -= take;
      if (block.start === block.end) {
        this.#blocks.shift();
        releaseMemory(block.bytes);
      }
    }
    return moved;
  }

  clear(): void {
    for (const { bytes } of this.#blocks) releaseMemory(bytes);
    this.#blocks = [];
    this.#lengthBytes = 0;
  }

  #blockWithRoom(): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.end < last.bytes.length) return last;
    const size =
      last === undefined ? FIRST_BLOCK_BYTES : Math.min(last.bytes.length * 2, LARGEST_BLOCK_BYTES);
    const block = { bytes: Buffer.allocUnsafeSlow(size), start: 0, end: 0 };
    this.#blocks.push(block);
    return block;
  }
}
