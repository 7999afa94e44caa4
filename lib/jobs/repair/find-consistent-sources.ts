/**
 * For the case that every source is proven to be the pinned data and still no target's root is right: some shard was
 * pinned wrongly from the start, either a source or the target itself. Reads whole sectors: one more than a rebuild
 * needs and, if this decides nothing, one further sector. Decodes the first target from subsets of these sectors. A
 * subset is consistent if it yields the pinned root, or the same root as another subset: no coefficient of a rebuild is
 * zero, so each subset with a wrong source yields a different result.
 */
import { hedge } from "../../hosts/hedge.ts";
import type { PlannedMove, Source } from "../../placement/plan-repair.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import type { SlabSector } from "../../slab/slab.ts";
import { decodeColumn, type ShardRange, setEnciphered } from "./decode-column.ts";
import { holdSector } from "./held-sector.ts";
import { deliver, dropCopies, type MoveState, notePinnedWrongly, type Target } from "./move-state.ts";

/**
 * If two extra sources are not enough, so many of the slab's shards were pinned wrongly that we cannot tell which are
 * right. With 10 sources needed, two extra sources make 66 subsets to try; three extra sources would make 286.
 */
const MOST_EXTRA_SOURCES = 2;

/** The whole sectors under examination, with their keystream removed, and the targets decoded from these sectors. */
interface Search {
  readonly state: MoveState;
  readonly targets: readonly Target[];
  readonly candidates: readonly Source[];
  readonly proven: ShardRange[];
  readonly mostSources: number;
}

/**
 * Delivers the moves whose shard is right after all, and records the shards that do not match the slab's other shards.
 * Sets `undecided` if too few sources, too little memory or too many wrong shards prevent a decision: then no host is
 * accused.
 */
export async function findConsistentSources(
  moves: readonly PlannedMove[],
  state: MoveState,
  underWay: ReadonlySet<PlannedMove>,
): Promise<void> {
  const copied = new Set(state.copies.keys());
  const { memory } = state.deps;
  const { signal } = state.limits;
  // Whole sectors need more memory than ranges, so the arena is replaced by a larger one. While we wait for the larger
  // arena, the closed arena's buffers must become free without our help (sector-memory.ts says why).
  dropCopies(state);
  state.arena.close();
  state.arena = await memory.open(
    state.slab.minShards + MOST_EXTRA_SOURCES + moves.length + underWay.size,
    signal,
  );
  const { buffers } = state.arena;
  const targets: Target[] = [];
  const proven: ShardRange[] = [];
  const delivered = new Set<Target>();
  const isTarget = (index: number): boolean => moves.some(({ sector }) => sector.index === index);
  try {
    for (const move of moves) targets.push({ move, sector: move.sector, data: await buffers.take(signal) });
    const others = state.plan.sources.filter(
      // Targets are excluded: a target that was read has the right root in any case, and so proves nothing about the
      // sources. Earlier locations are excluded, because each shard counts once.
      ({ sector, host }) =>
        !state.badShards.has(sector.index) && !isTarget(sector.index) && host.id === sector.hostId,
    );
    const search: Search = {
      state,
      targets,
      // Copied sources are read again, because they could be pinned wrongly like any other source.
      candidates: [
        ...others.filter(({ sector }) => copied.has(sector.index)),
        ...others.filter(({ sector }) => !copied.has(sector.index)),
      ],
      proven,
      mostSources: buffers.total - targets.length - underWay.size,
    };
    const subset = await consistentSubset(search);
    if (subset === undefined) {
      state.undecided = true;
      return;
    }
    for (const target of await judge(subset.sources, subset.root, search)) {
      delivered.add(target);
      deliver(state, target.move, holdSector(target.data, buffers), "rebuilt");
      await state.deps.step?.("rebuilt-one");
    }
  } finally {
    for (const { data } of proven) buffers.give(data);
    for (const target of targets) if (!delivered.has(target)) buffers.give(target.data);
  }
}

interface Subset {
  readonly sources: readonly ShardRange[];
  /** The first target's root as decoded from these sources. */
  readonly root: string;
}

async function consistentSubset(search: Search): Promise<Subset | undefined> {
  const { proven, mostSources } = search;
  const k = search.state.slab.minShards;
  const pinned = search.targets[0]?.sector.root;
  const seen = new Set<string>();
  for (let extra = 1; extra <= MOST_EXTRA_SOURCES && k + extra <= mostSources; extra += 1) {
    const before = proven.length;
    if (!(await readSources(k + extra, search))) return undefined;
    for (let count = Math.max(k, before + 1); count <= proven.length; count += 1) {
      for (const sources of subsetsWithLast(proven.slice(0, count), k)) {
        const root = await decodeFirst(sources, search);
        if (root === pinned || seen.has(root)) return { sources, root };
        seen.add(root);
      }
    }
  }
  return undefined;
}

/**
 * Replaces one source of the consistent subset by each of the other proven sources in turn: if the decoded root
 * changes, that other source is wrong. Then decodes all targets, and records which shards were pinned wrongly.
 * @returns the targets that are right
 */
async function judge(
  subset: readonly ShardRange[],
  root: string,
  search: Search,
): Promise<readonly Target[]> {
  const { state, targets, proven } = search;
  const wrong: SlabSector[] = [];
  for (const source of proven.filter((range) => !subset.includes(range))) {
    if ((await decodeFirst([...subset.slice(1), source], search)) !== root) wrong.push(source.sector);
  }
  await decode(subset, targets, state);
  const right = targets.filter(({ sector, data }) => state.deps.kernel.sectorRoot(data) === sector.root);
  const wrongTargets = targets.filter((target) => !right.includes(target)).map(({ sector }) => sector);
  notePinnedWrongly(state, [...wrongTargets, ...wrong]);
  return right;
}

async function decodeFirst(sources: readonly ShardRange[], { state, targets }: Search): Promise<string> {
  const first = targets[0]!;
  await decode(sources, [first], state);
  return state.deps.kernel.sectorRoot(first.data);
}

async function decode(
  sources: readonly ShardRange[],
  targets: readonly Target[],
  { deps, slab, limits }: MoveState,
): Promise<void> {
  limits.signal.throwIfAborted();
  const { kernel } = deps;
  await decodeColumn({ kernel, slab, sources, targets, offset: 0, lengthBytes: SECTOR_BYTES });
}

/**
 * Reads whole sectors into `proven`, each verified against its root, until there are `count`. Returns false if too few
 * sources answer.
 */
async function readSources(count: number, search: Search): Promise<boolean> {
  const { state, proven, mostSources } = search;
  const { answers, reader, arena, limits, deps } = state;
  const { buffers } = arena;
  const candidates = search.candidates.filter(
    ({ sector, host }) =>
      answers.standing(sector, host) !== "useless" &&
      !proven.some((range) => range.sector.index === sector.index),
  );
  await hedge({
    candidates,
    needed: count - proven.length,
    maxConcurrent: mostSources - proven.length,
    clock: deps.clock,
    signal: limits.signal,
    intervalMs: () => deps.hosts.hedgeAfterMs("read", SECTOR_BYTES),
    attempt: async ({ sector, host }, signal) => {
      const into = await buffers.take(signal);
      let isKept = false;
      try {
        if (!(await reader.readSector(sector, host, { into, signal }))) throw new WrongSector();
        // A hedged read can arrive when there are already enough sectors.
        isKept = proven.length < count;
        if (!isKept) return;
        const range: ShardRange = { sector, data: into, enciphered: true };
        setEnciphered(state.slab, range, 0, false);
        proven.push(range);
      } finally {
        if (!isKept) buffers.give(into);
      }
    },
  });
  limits.signal.throwIfAborted();
  return proven.length >= count;
}

/** Makes the hedge ask another source; the host has already been accused. */
class WrongSector extends Error {
  override readonly name = "WrongSector";
}

/** The subsets of `size` that contain the last element; the subsets without this element were tried before. */
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
