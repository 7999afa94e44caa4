import type { Clock } from "../../clock/clock.ts";
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import { hedge } from "../../hosts/hedge.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Source } from "../../placement/plan-repair.ts";
import type { Slab } from "../../slab/slab.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { type ShardRange, setEnciphered } from "./decode-column.ts";
import type { HeldSector } from "./held-sector.ts";
import type { ShardReader } from "./shard-reader.ts";

/** A range that a host sent, with what proves it; a range of a copied sector needs no proof. */
export interface GatheredRange extends ShardRange {
  readonly from?: { readonly host: NetworkHost; readonly proof: readonly Uint8Array[] };
}

/** The same byte range of several shards. */
export interface Column {
  readonly offset: number;
  /** At most `min_shards`, each of another shard. */
  readonly ranges: GatheredRange[];
}

export interface GatherOptions {
  readonly slab: Slab;
  readonly sources: readonly Source[];
  readonly copies: ReadonlyMap<number, HeldSector>;
  readonly reader: ShardReader;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly ranges: BufferPool;
  readonly rangeBytes: number;
  readonly proveEach: boolean;
  readonly hedgeAfterMs: (lengthBytes: number) => number;
  readonly signal: AbortSignal;
}

/** Fills a column up to `min_shards` ranges. @returns false when too few sources answered */
export async function gatherColumn(
  column: Column,
  position: number,
  options: GatherOptions,
): Promise<boolean> {
  const { slab, signal, clock } = options;
  await takeFromCopies(column, options);
  const missing = slab.minShards - column.ranges.length;
  if (missing <= 0) return true;
  await hedge({
    candidates: inTurn(column, position, options),
    needed: missing,
    clock,
    signal,
    intervalMs: () => options.hedgeAfterMs(options.rangeBytes),
    attempt: (source, attemptSignal) => readInto(column, source, options, attemptSignal),
  });
  signal.throwIfAborted();
  return column.ranges.length >= slab.minShards;
}

/**
 * Sources to ask, the best first; in the end once more those that broke off, then those that are expensive. Another column may learn of a failure
 * while this one waits, so each is looked at when its turn comes.
 */
function* inTurn(column: Column, position: number, options: GatherOptions): Generator<Source> {
  for (const standing of ["fresh", "broken-off", "expensive"] as const) {
    for (const source of rotate(options.sources, position * options.slab.minShards)) {
      const isGathered = column.ranges.some(({ sector }) => sector.index === source.sector.index);
      if (!isGathered && options.reader.standing(source.sector, source.host) === standing) yield source;
    }
  }
}

/** Columns start at different sources, so that the ranges in flight spread over more than `min_shards` hosts. */
function rotate(sources: readonly Source[], by: number): Source[] {
  const preferred = sources.filter(({ lastResort }) => !lastResort);
  const start = preferred.length === 0 ? 0 : by % preferred.length;
  return [
    ...preferred.slice(start),
    ...preferred.slice(0, start),
    ...sources.filter(({ lastResort }) => lastResort),
  ];
}

async function takeFromCopies(column: Column, options: GatherOptions): Promise<void> {
  const { slab, copies, ranges, rangeBytes, signal } = options;
  for (const [index, { data }] of copies) {
    if (column.ranges.length >= slab.minShards) return;
    if (column.ranges.some(({ sector }) => sector.index === index)) continue;
    const sector = slab.sectors.find((candidate) => candidate.index === index);
    if (sector === undefined) continue;
    const range = await ranges.take(signal);
    range.set(data.subarray(column.offset, column.offset + rangeBytes));
    column.ranges.push({ sector, data: range, enciphered: true });
  }
}

async function readInto(
  column: Column,
  { sector, host }: Source,
  options: GatherOptions,
  signal: AbortSignal,
): Promise<void> {
  const { slab, reader, kernel, ranges } = options;
  const data = await ranges.take(signal);
  let kept = false;
  try {
    const { proof } = await reader.readRange(sector, host, { offset: column.offset, into: data }, signal);
    const range: GatheredRange = { sector, data, enciphered: true, from: { host, proof } };
    if (options.proveEach && !isProven(range, column.offset, kernel)) {
      reader.accuse(host);
      throw new WrongRange();
    }
    // A hedged read can arrive after the column is full.
    if (column.ranges.length >= slab.minShards) return;
    column.ranges.push(range);
    kept = true;
  } finally {
    if (!kept) ranges.give(data);
  }
}

/** Makes the hedge ask another source; the host was accused already. */
class WrongRange extends Error {
  override readonly name = "WrongRange";
}

function isProven({ sector, data, from }: GatheredRange, offset: number, kernel: Kernel): boolean {
  if (from === undefined) return true; // the copied sector's root was compared
  return kernel.verifyRangeProof({ root: sector.root, offset, length: data.length, data, proof: from.proof });
}

/**
 * Checks the proofs of a column's ranges and gives back those that fail, accusing their hosts.
 * @returns whether any did, so that the column must be gathered and decoded again
 */
export function dropWrongRanges(column: Column, options: GatherOptions): boolean {
  const { slab, kernel, ranges, reader } = options;
  const proven: GatheredRange[] = [];
  for (const range of column.ranges) {
    setEnciphered(slab, range, column.offset, true);
    if (isProven(range, column.offset, kernel)) {
      proven.push(range);
      continue;
    }
    if (range.from !== undefined) reader.accuse(range.from.host);
    ranges.give(range.data);
  }
  const dropped = proven.length < column.ranges.length;
  column.ranges.splice(0, column.ranges.length, ...proven);
  return dropped;
}
