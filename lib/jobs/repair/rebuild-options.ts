import type { Clock } from "../../clock/clock.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { PlannedMove, Source } from "../../placement/plan-repair.ts";
import type { Slab } from "../../slab/slab.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { HeldSector } from "./held-sector.ts";
import type { ShardReader } from "./shard-reader.ts";

/** What every part of a rebuild works with. */
export interface RebuildOptions {
  readonly slab: Slab;
  /** Readable sectors, best first, those of last resort at the end. */
  readonly sources: readonly Source[];
  /** Sectors that were copied already, by index: sources that cost nothing more. */
  readonly copies: ReadonlyMap<number, HeldSector>;
  readonly reader: ShardReader;
  readonly kernel: Kernel;
  readonly buffers: BufferPool;
  /** Buffers that do not come back before the rebuild ends: those of `copies` and of copies still under way. */
  readonly heldBuffers: number;
  readonly clock: Clock;
  /** Milliseconds after which another host is asked for a range of this size. */
  readonly hedgeAfterMs: (lengthBytes: number) => number;
  readonly mayStart: () => boolean;
  /** Whether a shard is still wanted: a slow copy of it may have come in. */
  readonly isWanted: (move: PlannedMove) => boolean;
  readonly signal: AbortSignal;
  /** Called with each rebuilt sector whose root is the pinned one; the callee releases it. */
  readonly onRebuilt: (move: PlannedMove, held: HeldSector) => Promise<void>;
}
