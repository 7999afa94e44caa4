import { Semaphore } from "../../hosts/semaphore.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import { BufferPool } from "./buffer-pool.ts";

/** The buffers of one repair. */
export interface SectorArena {
  readonly buffers: BufferPool;
  /** Stops handing out buffers. When every buffer has been returned, other repairs can have the memory. */
  close(): void;
}

/**
 * Blocks that suffice for one repair with any erasure code. For example, an 85-of-255 slab needs 22 blocks for one
 * column, one for hedged reads and one for a rebuilt shard.
 */
const BASE_BLOCKS = 24;
/**
 * Blocks added for each parallel repair: enough to rebuild one sector of a 10-of-30 slab and to read two columns in
 * parallel, which keeps the CPU busy.
 */
const BLOCKS_PER_REPAIR = 8;
/** At most 512 MiB of blocks, for any number of parallel repairs: a repair waits until enough blocks are free. */
const MOST_BLOCKS = 128;
/** Room for the kernel's own tables and window. */
const KERNEL_TABLES_BYTES = 3 * 1_048_576;

/**
 * The kernel's memory for this many parallel repairs with usual erasure codes. Pages that no repair touches cost
 * nothing.
 */
export function memoryBytesFor(repairsAtOnce: number): number {
  const blocks = Math.min(MOST_BLOCKS, BASE_BLOCKS + BLOCKS_PER_REPAIR * repairsAtOnce);
  return blocks * SECTOR_BYTES + KERNEL_TABLES_BYTES;
}

/** Placeholder until a repair opens its arena. */
export const NO_ARENA: SectorArena = { buffers: new BufferPool([]), close: () => {} };

/**
 * The memory that all repairs of a process share, in blocks of one sector. Before a repair pays for anything, it opens
 * an arena of as many blocks as its code needs, waiting its turn if necessary. A repair has one arena at a time. While
 * a repair waits for its next arena, the blocks of its previous arena must become free by themselves, when uploads end:
 * otherwise two repairs could wait for each other.
 *
 * Blocks at low addresses are used first, because memory that was never touched is not resident.
 */
export class SectorMemory {
  readonly totalBlocks: number;
  /**
   * The most blocks that a repair requests for ranges, unless a single column needs more. If only one repair runs at a
   * time, it may use all blocks, to read as much in parallel as it can.
   */
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

  /** @throws the signal's reason if it aborts before this many blocks are free */
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
