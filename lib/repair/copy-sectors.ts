import pLimit from "p-limit";
import type { FleetHost } from "../indexd/fleet-snapshot.ts";
import type { PlannedMove } from "../placement/plan-repair.ts";
import { SECTOR_BYTES } from "../slab/sizes.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { type HeldSector, holdSector } from "./held-sector.ts";
import { settleAll } from "./settle-all.ts";
import type { ShardReader } from "./shard-reader.ts";
import type { TimeLimits } from "./time-limits.ts";

/** Sectors read at once; each holds one buffer of 4 MiB and one host. */
const COPIES_AT_ONCE = 6;

export interface CopyOptions {
  readonly reader: ShardReader;
  readonly buffers: BufferPool;
  /** Whether the host's read price is one that we pay for a copy. */
  readonly affordable: (host: FleetHost, signal: AbortSignal) => Promise<boolean>;
  readonly limits: TimeLimits;
  /** Called with each sector that was read and whose root is right; the callee releases it. */
  readonly onCopied: (move: PlannedMove, held: HeldSector) => Promise<void>;
}

/**
 * Reads the moved sectors themselves where a host may still answer: 4 MiB instead of `min_shards` times as much, and
 * no key needed. Whatever cannot be read is left to the rebuild; nothing is thrown for a host that fails.
 * @returns the moves that were not copied
 */
export async function copySectors(
  moves: readonly PlannedMove[],
  options: CopyOptions,
): Promise<PlannedMove[]> {
  const limit = pLimit(COPIES_AT_ONCE);
  const left: PlannedMove[] = [];
  await settleAll(
    moves.map((move) =>
      limit(async () => {
        const held = move.copyFrom === null ? undefined : await copy(move, move.copyFrom, options);
        if (held === undefined) left.push(move);
        else await options.onCopied(move, held);
      }),
    ),
  );
  return left;
}

async function copy(
  move: PlannedMove,
  host: FleetHost,
  options: CopyOptions,
): Promise<HeldSector | undefined> {
  const { reader, buffers, limits } = options;
  if (reader.hasFailed(host.id) || !limits.mayStart("read")) return undefined;
  const limited = limits.forTransfer("read", SECTOR_BYTES);
  let buffer: Uint8Array | undefined;
  let copied = false;
  try {
    if (!(await reader.noting(move.sector, host, () => options.affordable(host, limited.signal))))
      return undefined;
    buffer = await buffers.take(limited.signal);
    copied = await reader.readSector(move.sector, host, buffer, limited.signal);
    return copied ? holdSector(buffer, buffers) : undefined;
  } catch {
    return undefined; // noted by the reader; the rebuild takes over
  } finally {
    limited.done();
    if (buffer !== undefined && !copied) buffers.give(buffer);
  }
}
