/**
 * Reads the moved sectors themselves where a host may still answer: 4 MiB instead of `min_shards` times as much, and
 * no key needed.
 *
 *   first round: copying, six at once ──all ended, or none for a while──▶ over: no copy starts any more
 *                                                                        those under way go on until given up
 *
 * So one slow or silent host does not keep the others' shards waiting: a rebuild starts beside it, and whichever has
 * the shard first wins. Always: nothing is thrown for a host that fails; a buffer is given back, or is the callee's.
 */
import pLimit from "p-limit";
import type { Clock } from "../../clock/clock.ts";
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { PlannedMove } from "../../placement/plan-repair.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { type HeldSector, holdSector } from "./held-sector.ts";
import type { ShardReader } from "./shard-reader.ts";
import type { TimeLimits } from "./time-limits.ts";

/** Sectors read at once; each holds one buffer of 4 MiB and one host. */
const COPIES_AT_ONCE = 6;

/** A rebuild reads `min_shards` times as much, so a copy is waited for a little longer than another read would be. */
const LEAST_PATIENCE_MS = 2_000;

export interface CopyOptions {
  readonly reader: ShardReader;
  readonly buffers: BufferPool;
  readonly clock: Clock;
  /** Whether the host's read price is one that we pay for a copy. */
  readonly affordable: (host: NetworkHost, signal: AbortSignal) => Promise<boolean>;
  /** Also asks hosts that broke off once, and at any price. */
  readonly isLastAttempt: boolean;
  /** How long a read of this size takes until another way is tried. */
  readonly hedgeAfterMs: (lengthBytes: number) => number;
  readonly limits: TimeLimits;
  /** Called with each sector that was read and whose root is right; the callee releases it. */
  readonly onCopied: (move: PlannedMove, held: HeldSector) => Promise<void>;
}

export interface CopyRun {
  /** Resolves when every copy has ended, or none has ended for a while. */
  readonly firstRound: Promise<void>;
  /** Moves whose copy has not ended; each may hold a buffer. */
  readonly underWay: ReadonlySet<PlannedMove>;
  /** Cancels what is under way. */
  giveUp(): void;
  /** Resolves when nothing is under way. Rejects only with a bug's error. */
  settled(): Promise<void>;
}

export function startCopies(moves: readonly PlannedMove[], options: CopyOptions): CopyRun {
  const { clock, limits } = options;
  const limit = pLimit(COPIES_AT_ONCE);
  const givenUp = new AbortController();
  const firstRound = Promise.withResolvers<void>();
  let isFirstRound = true;
  const underWay = new Set<PlannedMove>();
  let stopPatience = (): void => {};

  const endFirstRound = (): void => {
    isFirstRound = false;
    stopPatience();
    firstRound.resolve();
  };
  const waitForProgress = (): void => {
    stopPatience();
    if (!isFirstRound) return;
    const patienceMs = Math.max(LEAST_PATIENCE_MS, options.hedgeAfterMs(SECTOR_BYTES));
    stopPatience = clock.after(patienceMs, endFirstRound);
  };

  const copyOne = async (move: PlannedMove, host: NetworkHost): Promise<void> => {
    if (!isFirstRound || givenUp.signal.aborted) return;
    underWay.add(move);
    try {
      const held = await copy(move, host, options, AbortSignal.any([limits.signal, givenUp.signal]));
      if (held !== undefined) await options.onCopied(move, held);
    } finally {
      underWay.delete(move);
      waitForProgress();
    }
  };

  waitForProgress();
  const all = Promise.allSettled(
    moves.map((move) => {
      const { copyFrom } = move;
      return copyFrom === null ? undefined : limit(() => copyOne(move, copyFrom));
    }),
  ).then((results) => {
    endFirstRound();
    return results;
  });
  return {
    firstRound: firstRound.promise,
    underWay,
    giveUp() {
      givenUp.abort(new Error("the shard is no longer needed"));
      endFirstRound();
    },
    async settled() {
      for (const result of await all) if (result.status === "rejected") throw result.reason;
    },
  };
}

async function copy(
  move: PlannedMove,
  host: NetworkHost,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<HeldSector | undefined> {
  const { reader, buffers, limits } = options;
  const standing = reader.standing(move.sector, host);
  const mayAnswer =
    standing === "fresh" ||
    (options.isLastAttempt && (standing === "broken-off" || standing === "expensive"));
  if (!mayAnswer || !limits.mayStart("read")) return undefined;
  let buffer: Uint8Array | undefined;
  let stopLimit = (): void => {};
  let copied = false;
  try {
    // Before the limit starts: uploads may hold the buffers for longer than a read may take.
    buffer = await buffers.take(signal);
    const limited = limits.forTransfer("read", SECTOR_BYTES, signal);
    stopLimit = limited.done;
    const affordable = await reader.noting(move.sector, host, () => options.affordable(host, limited.signal));
    copied =
      affordable &&
      (await reader.readSector(move.sector, host, buffer, limited.signal, options.isLastAttempt));
    return copied ? holdSector(buffer, buffers) : undefined;
  } catch (cause) {
    if (signal.aborted || cause instanceof HostError) return undefined; // noted by the reader; the rebuild takes over
    throw cause;
  } finally {
    stopLimit();
    if (buffer !== undefined && !copied) buffers.give(buffer);
  }
}
