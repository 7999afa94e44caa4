import { Semaphore } from "../../hosts/semaphore.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import { BufferPool } from "./buffer-pool.ts";

/** The buffers of one repair. */
export interface SectorArena {
  readonly buffers: BufferPool;
  /** No more is taken; the memory is free for others once every buffer was given back. */
  close(): void;
}

/** For one repair at once, whatever its code: 85 of 255 takes 22 blocks for a column and some targets. */
const BASE_BLOCKS = 24;
/** For each repair that runs beside others: one lost sector of 10 of 30, two columns at once, which keep the CPU busy. */
const BLOCKS_PER_REPAIR = 8;
/** 512 MiB: what comes beyond it waits. */
const MOST_BLOCKS = 128;
/** The kernel's own tables and window. */
const KERNEL_TABLES_BYTES = 3 * 1_048_576;

/** Of the kernel, so that so many repairs of usual codes can run at once. Pages that no repair touches cost nothing. */
export function memoryBytesFor(repairsAtOnce: number): number {
  const blocks = Math.min(MOST_BLOCKS, BASE_BLOCKS + BLOCKS_PER_REPAIR * repairsAtOnce);
  return blocks * SECTOR_BYTES + KERNEL_TABLES_BYTES;
}

/** Before a repair has one. */
export const NO_ARENA: SectorArena = { buffers: new BufferPool([]), close: () => {} };

/**
 * The memory that all repairs of a process share, in blocks of one sector. A repair opens an arena of as many blocks as its
 * code needs before it pays anything, and waits for it behind those that came first. It holds one at a time: an arena that it
 * still holds while it waits for another must become free without it (uploads that end), or two repairs could wait for each other.
 *
 * Blocks at low addresses go first: what was never touched is not resident.
 */
export class SectorMemory {
  readonly totalBlocks: number;
  /** Of a repair's arena for the ranges that it reads. One repair alone reads as much at once as it can. */
  readonly mostRangeBlocks: number;
  readonly #free: Uint8Array[];
  readonly #gate: Semaphore;

  constructor(kernel: Kernel, options: { readonly repairsAtOnce: number }) {
    this.totalBlocks = Math.floor(kernel.arena.capacityBytes / SECTOR_BYTES);
    this.mostRangeBlocks = options.repairsAtOnce === 1 ? this.totalBlocks : BLOCKS_PER_REPAIR;
    this.#free = Array.from({ length: this.totalBlocks }, () => kernel.arena.allocate(SECTOR_BYTES));
    this.#gate = new Semaphore(this.totalBlocks);
  }

  get freeBlocks(): number {
    return this.#free.length;
  }

  /** @throws the signal's reason when it aborts before so many blocks are free */
  async open(blocks: number, signal: AbortSignal): Promise<SectorArena> {
    const count = Math.min(blocks, this.totalBlocks);
    const leave = await this.#gate.enter(count, signal);
    this.#free.sort((a, b) => a.byteOffset - b.byteOffset);
    const buffers = new BufferPool(this.#free.splice(0, count));
    return {
      buffers,
      close: () =>
        buffers.close((all) => {
          this.#free.push(...all);
          leave();
        }),
    };
  }
}
