import { hedge } from "../../hosts/hedge.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import type { SlabSector } from "../../slab/slab.ts";
import { decodeColumn, type ShardRange, setEnciphered } from "./decode-column.ts";
import type { RebuildOptions } from "./rebuild-options.ts";

/** More would be a slab that was pinned as noise: 66 subsets of 12 sources are tried with two, 286 with three. */
const MOST_EXTRA_SOURCES = 2;

interface Target {
  readonly sector: SlabSector;
  readonly data: Uint8Array;
}

export type ConsistentSources =
  /** The targets' data is in place. */
  | {
      readonly kind: "decided";
      /** Indices of targets whose rebuilt root is the pinned one. */
      readonly right: ReadonlySet<number>;
      /** Targets and sources that do not fit the slab's other shards. */
      readonly pinnedWrongly: readonly SlabSector[];
    }
  /** Too few sources, too little memory or too much noise to tell who is wrong: nobody is accused. */
  | { readonly kind: "undecided" };

/**
 * Every source is proven to be what was pinned, and still no target's root is right: some shard was pinned wrongly
 * from the start, a source or the target itself. Reads whole sectors, one more than needed, then two, and decodes the
 * first target from the subsets of them. Subsets are consistent when they yield the pinned root, or when two of them
 * yield the same one: no coefficient of a rebuild is zero, so a wrong source gives each subset with it another result.
 */
export async function findConsistentSources(
  targets: readonly Target[],
  options: RebuildOptions,
): Promise<ConsistentSources> {
  const { slab, buffers, kernel, signal } = options;
  const k = slab.minShards;
  // Buffers that uploads still hold come back, so they count; those of the targets and of copies do not.
  const capacity = buffers.total - options.heldBuffers - targets.length;
  const probe = targets[0];
  const proven: ShardRange[] = [];
  if (probe === undefined) return { kind: "undecided" };
  const decode = async (sources: readonly ShardRange[], wanted: readonly Target[]): Promise<void> => {
    signal.throwIfAborted();
    await decodeColumn({ kernel, slab, sources, targets: wanted, offset: 0, lengthBytes: SECTOR_BYTES });
  };
  const decodeProbe = async (sources: readonly ShardRange[]): Promise<string> => {
    await decode(sources, [probe]);
    return kernel.sectorRoot(probe.data);
  };
  /** Every proven source is put in the place of one that is consistent: one that changes the result is wrong. */
  const judge = async (subset: readonly ShardRange[], root: string): Promise<ConsistentSources> => {
    const wrong: SlabSector[] = [];
    for (const source of proven.filter((range) => !subset.includes(range))) {
      if ((await decodeProbe([...subset.slice(1), source])) !== root) wrong.push(source.sector);
    }
    await decode(subset, targets);
    const isRight = ({ sector, data }: Target): boolean => kernel.sectorRoot(data) === sector.root;
    const right = new Set(targets.filter(isRight).map(({ sector }) => sector.index));
    const wrongTargets = targets.filter(({ sector }) => !right.has(sector.index));
    return {
      kind: "decided",
      right,
      pinnedWrongly: [...wrongTargets.map(({ sector }) => sector), ...wrong],
    };
  };
  try {
    const seen = new Set<string>();
    for (let extra = 1; extra <= MOST_EXTRA_SOURCES && k + extra <= capacity; extra += 1) {
      const before = proven.length;
      if (!(await readSources(proven, k + extra, capacity, targets, options))) return { kind: "undecided" };
      for (let count = Math.max(k, before + 1); count <= proven.length; count += 1) {
        for (const subset of subsetsWithLast(proven.slice(0, count), k)) {
          const root = await decodeProbe(subset);
          if (root === probe.sector.root || seen.has(root)) return await judge(subset, root);
          seen.add(root);
        }
      }
    }
    return { kind: "undecided" };
  } finally {
    for (const { data } of proven) buffers.give(data);
  }
}

/**
 * Adds whole sectors with their keystream taken off, each compared with its root, until there are `count`: copied ones
 * first, then others from hosts. False: there are not so many.
 */
async function readSources(
  proven: ShardRange[],
  count: number,
  capacity: number,
  targets: readonly Target[],
  options: RebuildOptions,
): Promise<boolean> {
  const { slab, copies, sources, reader, buffers, signal, clock } = options;
  const isNew = (index: number): boolean =>
    !proven.some(({ sector }) => sector.index === index) &&
    // A target that is read is right by itself, whatever the other sources are.
    !targets.some(({ sector }) => sector.index === index);
  const add = (sector: SlabSector, data: Uint8Array): void => {
    const range: ShardRange = { sector, data, enciphered: true };
    setEnciphered(slab, range, 0, false);
    proven.push(range);
  };
  for (const [index, held] of copies) {
    const sector = slab.sectors.find((candidate) => candidate.index === index);
    if (sector === undefined || !isNew(index) || proven.length >= count) continue;
    const data = await buffers.take(signal);
    data.set(held.data);
    add(sector, data);
  }
  const needed = count - proven.length;
  if (needed > 0) {
    const candidates = sources.filter(
      ({ sector, host }) =>
        isNew(sector.index) && !copies.has(sector.index) && reader.standing(sector, host) !== "useless",
    );
    await hedge({
      candidates,
      needed,
      maxConcurrent: capacity - proven.length,
      clock,
      signal,
      intervalMs: () => options.hedgeAfterMs(SECTOR_BYTES),
      attempt: async ({ sector, host }, attemptSignal) => {
        const data = await buffers.take(attemptSignal);
        let isKept = false;
        try {
          if (!(await reader.readSector(sector, host, data, attemptSignal))) throw new WrongSector();
          // A hedged read can arrive when there are enough.
          isKept = proven.length < count;
          if (isKept) add(sector, data);
        } finally {
          if (!isKept) buffers.give(data);
        }
      },
    });
    signal.throwIfAborted();
  }
  return proven.length >= count;
}

/** Makes the hedge ask another source; the host was accused already. */
class WrongSector extends Error {
  override readonly name = "WrongSector";
}

/** The subsets of `size` that hold the last element; those without it were tried before it came. */
function* subsetsWithLast<T>(items: readonly T[], size: number): Generator<T[]> {
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
