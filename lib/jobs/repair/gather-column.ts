import { hedge } from "../../hosts/hedge.ts";
import type { Source } from "../../placement/plan-repair.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { ShardRange } from "./decode-column.ts";
import type { MoveState } from "./move-state.ts";

/**
 * When too few reads can succeed, the reads still running are cancelled after this time, about one round trip, in which
 * their hosts may still refuse them. A cancelled read counts as paid, a refused read does not.
 */
const LAST_WORD_MS = 1_000;

/** Shared by the columns of one pass. */
export interface Pass {
  readonly state: MoveState;
  /** Readable sectors, best first, those of last resort at the end. */
  readonly sources: readonly Source[];
  /** Buffers of `rangeBytes`, at least `min_shards` for each column gathered in parallel. */
  readonly ranges: BufferPool;
  readonly rangeBytes: number;
  /**
   * Verifies each range's proof on arrival, to find the host that sent wrong data. This costs as much as the whole
   * rebuild.
   */
  readonly proveEach: boolean;
}

/** The same byte range of `min_shards` shards. */
export interface Column {
  readonly offset: number;
  readonly ranges: ShardRange[];
}

/**
 * Fills a column with `min_shards` ranges: first with ranges of copied sectors, then with hedged reads from hosts. The
 * caller returns the ranges, even if this throws or returns false (too few sources answered).
 */
export async function gatherColumn(column: Column, pass: Pass): Promise<boolean> {
  const { slab, limits, deps } = pass.state;
  await takeFromCopies(column, pass);
  const needed = slab.minShards - column.ranges.length;
  if (needed <= 0) return true;
  await hedge({
    candidates: inTurn(column, pass),
    needed,
    clock: deps.clock,
    signal: limits.signal,
    intervalMs: () => deps.hosts.hedgeAfterMs("read", pass.rangeBytes),
    patienceMs: LAST_WORD_MS,
    attempt: (source, signal) => readInto(column, source, pass, signal),
  });
  limits.signal.throwIfAborted();
  return column.ranges.length >= slab.minShards;
}

/**
 * Sources to ask, best first; then, once more, those whose connection broke; then the expensive ones. Another column
 * may see a failure while this one waits, so each source is checked when its turn comes.
 */
function* inTurn(column: Column, { state, sources, rangeBytes }: Pass): Generator<Source> {
  const position = column.offset / rangeBytes;
  for (const standing of ["fresh", "broken-off", "expensive"] as const) {
    for (const source of rotate(sources, position * state.slab.minShards)) {
      const isGathered = column.ranges.some(({ sector }) => sector.index === source.sector.index);
      if (!isGathered && state.answers.standing(source.sector, source.host) === standing) yield source;
    }
  }
}

/** Columns start at different sources, so that parallel reads spread over more than `min_shards` hosts. */
function rotate(sources: readonly Source[], by: number): Source[] {
  const preferred = sources.filter(({ lastResort }) => !lastResort);
  const start = preferred.length === 0 ? 0 : by % preferred.length;
  return [
    ...preferred.slice(start),
    ...preferred.slice(0, start),
    ...sources.filter(({ lastResort }) => lastResort),
  ];
}

async function takeFromCopies(column: Column, { state, ranges, rangeBytes }: Pass): Promise<void> {
  for (const [index, { data }] of state.copies) {
    if (column.ranges.length >= state.slab.minShards) return;
    const sector = state.slab.sectors.find((candidate) => candidate.index === index);
    if (sector === undefined || state.badShards.has(index)) continue;
    const range = await ranges.take(state.limits.signal);
    range.set(data.subarray(column.offset, column.offset + rangeBytes));
    column.ranges.push({ sector, data: range, enciphered: true });
  }
}

async function readInto(column: Column, source: Source, pass: Pass, signal: AbortSignal): Promise<void> {
  const { sector, host } = source;
  const { state, ranges } = pass;
  const { offset } = column;
  const into = await ranges.take(signal);
  let isKept = false;
  try {
    const proof = await state.reader.readRange(sector, host, { offset, into, signal });
    if (pass.proveEach) {
      const range = { root: sector.root, offset, length: into.length, data: into, proof };
      if (!state.deps.kernel.verifyRangeProof(range)) {
        state.reader.accuse(host);
        throw new WrongRange();
      }
    }
    // A hedged read can arrive when the column is full, or after a read from another source of the same shard.
    if (column.ranges.some((range) => range.sector.index === sector.index)) throw new SecondOfOneShard();
    isKept = column.ranges.length < state.slab.minShards;
    if (isKept) column.ranges.push({ sector, data: into, enciphered: true });
  } finally {
    if (!isKept) ranges.give(into);
  }
}

/** Makes the hedge ask another source: a second range of the same shard is useless. */
class SecondOfOneShard extends Error {
  override readonly name = "SecondOfOneShard";
}

/** Makes the hedge ask another source; the host has already been accused. */
class WrongRange extends Error {
  override readonly name = "WrongRange";
}
