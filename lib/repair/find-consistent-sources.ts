import { setImmediate as nextTurn } from "node:timers/promises";
import { SECTOR_BYTES } from "../slab/sizes.ts";
import type { SlabSector } from "../slab/slab.ts";
import { decodeColumn, type ShardRange, setEnciphered } from "./decode-column.ts";
import type { RebuildOptions } from "./rebuild-options.ts";

/** More would be a slab that was pinned as noise: 66 subsets of 12 sources are tried with two, 286 with three. */
const MOST_EXTRA_SOURCES = 2;

interface Target {
  readonly sector: SlabSector;
  readonly data: Uint8Array;
}

export interface ConsistentSources {
  /** Indices of targets whose rebuilt root is the pinned one now; their data is in place. */
  readonly right: ReadonlySet<number>;
  readonly pinnedWrongly: readonly SlabSector[];
}

/**
 * Every source is proven to be what was pinned, and still no target's root is right: some shard was pinned wrongly
 * from the start, a source or the target itself. Reads whole sectors, one more than needed, then two, and tries the
 * subsets of them. A subset that yields a pinned root is consistent, and the sources outside it are the wrong ones.
 * If all subsets agree with each other, every source is consistent and the targets were pinned wrongly.
 */
export async function findConsistentSources(
  targets: readonly Target[],
  options: RebuildOptions,
): Promise<ConsistentSources> {
  const { slab, buffers, kernel, signal } = options;
  const k = slab.minShards;
  const proven: ShardRange[] = [];
  const allWrong = { right: new Set<number>(), pinnedWrongly: targets.map(({ sector }) => sector) };
  const unread = provenSources(options);
  // Codes too large for the memory get the verdict without the search; indexd does not pin them.
  if (buffers.freeCount < k + 1) return allWrong;
  try {
    const firstRoots = new Set<string>();
    for (let extra = 0; extra <= MOST_EXTRA_SOURCES && buffers.freeCount > 0; extra += 1) {
      while (proven.length < k + extra) {
        const next = await unread.next();
        if (next.done === true) return allWrong;
        proven.push(next.value);
      }
      for (const subset of subsetsWithLast(proven, k)) {
        signal.throwIfAborted();
        await nextTurn(); // heartbeats go on between the subsets
        decodeColumn({ kernel, slab, sources: subset, targets, offset: 0, lengthBytes: SECTOR_BYTES });
        const roots = targets.map(({ data }) => kernel.sectorRoot(data));
        const right = targets.filter(({ sector }, position) => roots[position] === sector.root);
        if (right.length > 0) return verdict(targets, right, proven, subset, extra);
        firstRoots.add(roots[0] ?? "");
      }
      if (extra > 0 && firstRoots.size === 1) return allWrong;
    }
    return allWrong;
  } finally {
    await unread.return(undefined);
    for (const { data } of proven) buffers.give(data);
  }
}

function verdict(
  targets: readonly Target[],
  right: readonly Target[],
  proven: readonly ShardRange[],
  subset: readonly ShardRange[],
  extra: number,
): ConsistentSources {
  const wrongTargets = targets.filter((target) => !right.includes(target)).map(({ sector }) => sector);
  // With two sources left out, one of them may be right; only a single one is certain.
  const wrongSources =
    extra === 1 ? proven.filter((range) => !subset.includes(range)).map(({ sector }) => sector) : [];
  return {
    right: new Set(right.map(({ sector }) => sector.index)),
    pinnedWrongly: [...wrongTargets, ...wrongSources],
  };
}

/** Copied sectors first, then whole sectors read from hosts, each compared with its root; keystream taken off. */
async function* provenSources(options: RebuildOptions): AsyncGenerator<ShardRange, void, undefined> {
  const { slab, copies, sources, reader, buffers, signal } = options;
  for (const [index, held] of copies) {
    const sector = slab.sectors.find((candidate) => candidate.index === index);
    if (sector === undefined) continue;
    const data = await buffers.take(signal);
    data.set(held.data);
    const range: ShardRange = { sector, data, enciphered: true };
    setEnciphered(slab, range, 0, false);
    yield range;
  }
  for (const { sector, host } of sources) {
    if (copies.has(sector.index) || reader.hasFailed(host.id)) continue;
    const data = await buffers.take(signal);
    let read = false;
    try {
      read = await reader.readSector(sector, host, data, signal);
    } catch {
      signal.throwIfAborted(); // any other failure was noted by the reader
    } finally {
      if (!read) buffers.give(data);
    }
    if (!read) continue;
    const range: ShardRange = { sector, data, enciphered: true };
    setEnciphered(slab, range, 0, false);
    yield range;
  }
}

/** The subsets of `size` that hold the last element; those without it were tried before it came. */
export function* subsetsWithLast<T>(items: readonly T[], size: number): Generator<T[]> {
  const last = items.at(-1);
  if (last === undefined || size < 1) return;
  for (const others of subsets(items.slice(0, -1), size - 1)) yield [...others, last];
}

function* subsets<T>(items: readonly T[], size: number): Generator<T[]> {
  if (size === 0) return yield [];
  for (let first = 0; first <= items.length - size; first += 1) {
    for (const rest of subsets(items.slice(first + 1), size - 1)) yield [items[first] as T, ...rest];
  }
}
