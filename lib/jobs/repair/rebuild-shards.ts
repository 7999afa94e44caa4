/**
 * Phase two: rebuilds the shards that were not copied.
 *
 *   gather a column (one alone, then the others) → decode it into the targets → return its ranges
 *   all columns decoded → compare the rebuilt roots with the pinned ones, which verifies every input at once
 *   a root is wrong → repeat, proving each range on arrival: hosts that sent wrong data are accused and replaced
 *   every input is proven and a root is still wrong → some shard was pinned wrongly (find-consistent-sources.ts)
 *
 * The first column is read alone, so that a slab with too few sources costs one range per host instead of four.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { PlannedMove } from "../../placement/plan-repair.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import { BufferPool, cutIntoRanges } from "./buffer-pool.ts";
import { blocksForRebuild, type ColumnPlan, planColumns } from "./column-plan.ts";
import { decodeColumn } from "./decode-column.ts";
import { findConsistentSources } from "./find-consistent-sources.ts";
import { type Column, gatherColumn, type Pass } from "./gather-column.ts";
import { holdSector } from "./held-sector.ts";
import { deliver, dropCopies, type MoveState, notePinnedWrongly, type Target } from "./move-state.ts";

/**
 * Rebuilds and delivers the wanted shards that can be rebuilt, in as few passes over the sources as the memory allows.
 * Sets `tooFewSources`, `undecided`, `pinnedWrongly` and `badShards`.
 * @param underWay moves whose copy may still arrive; the hosts of these copies are not asked for ranges in addition
 * @throws the signal's reason
 */
export async function rebuildShards(state: MoveState, underWay: ReadonlySet<PlannedMove>): Promise<void> {
  state.tooFewSources = false;
  const isRebuildable = (move: PlannedMove): boolean =>
    state.wanted.has(move) && !state.badShards.has(move.sector.index);
  let left = [...state.wanted].filter(isRebuildable);
  if (left.length > 0 && state.store.hasCandidates) await ensureMemory(state, left.length, underWay.size);
  while (left.length > 0 && state.store.hasCandidates && state.limits.mayStart("read")) {
    const plan = planColumns({
      minShards: state.slab.minShards,
      targets: left.length,
      blocks: state.arena.buffers.total - state.copies.size - underWay.size,
    });
    const group = left.slice(0, plan.targetsAtOnce);
    left = left.slice(group.length);
    await rebuildGroup(group, plan, state, underWay);
    if (state.tooFewSources) return;
    left = left.filter(isRebuildable);
  }
}

/**
 * Makes room for a rebuild. A repair that planned to copy everything has too little memory for a rebuild: it returns
 * its arena and waits for a larger one.
 */
async function ensureMemory(state: MoveState, targets: number, underWay: number): Promise<void> {
  const { memory } = state.deps;
  const { minShards } = state.slab;
  const least = blocksForRebuild({ minShards, targets: 1, mostRangeBlocks: 0 });
  const free = state.arena.buffers.total - state.copies.size - underWay;
  if (free >= Math.min(least, memory.totalBlocks - state.copies.size - underWay)) return;
  dropCopies(state);
  state.arena.close();
  const blocks = blocksForRebuild({ minShards, targets, mostRangeBlocks: memory.mostRangeBlocks });
  state.arena = await memory.open(blocks + underWay, state.limits.signal);
}

async function rebuildGroup(
  moves: readonly PlannedMove[],
  plan: ColumnPlan,
  state: MoveState,
  underWay: ReadonlySet<PlannedMove>,
): Promise<void> {
  const { buffers } = state.arena;
  const { signal } = state.limits;
  const blocks: Uint8Array[] = [];
  const targets: Target[] = [];
  const delivered = new Set<Target>();
  let isInconsistent = false;
  try {
    while (blocks.length < plan.rangeBlocks) blocks.push(await buffers.take(signal));
    for (const move of moves) targets.push({ move, sector: move.sector, data: await buffers.take(signal) });
    const pass: Pass = {
      state,
      sources: usableSources(state, underWay),
      ranges: new BufferPool(cutIntoRanges(blocks, plan.rangeBytes)),
      rangeBytes: plan.rangeBytes,
      proveEach: false,
    };
    const found = await decodeAndVerify(targets, pass, plan.columnsAtOnce);
    isInconsistent = found === "inconsistent";
    for (const target of found === "inconsistent" ? [] : found) {
      delivered.add(target);
      deliver(state, target.move, holdSector(target.data, buffers), "rebuilt");
      await state.deps.step?.("rebuilt-one");
    }
  } finally {
    for (const target of targets) if (!delivered.has(target)) buffers.give(target.data);
    for (const block of blocks) buffers.give(block);
  }
  if (isInconsistent) await findConsistentSources(moves, state, underWay);
}

function usableSources(state: MoveState, underWay: ReadonlySet<PlannedMove>): Pass["sources"] {
  const copying = new Set([...underWay].map(({ sector }) => sector.index));
  return state.plan.sources.filter(
    ({ sector }) =>
      !state.badShards.has(sector.index) && !copying.has(sector.index) && !state.copies.has(sector.index),
  );
}

/** @returns the targets whose root is right; `inconsistent`: every input is proven, and still no target is right */
async function decodeAndVerify(
  targets: readonly Target[],
  pass: Pass,
  columnsAtOnce: number,
): Promise<readonly Target[] | "inconsistent"> {
  const { state } = pass;
  for (const proveEach of [false, true]) {
    const read = await decodeColumns(targets, { ...pass, proveEach }, columnsAtOnce);
    if (read === undefined) {
      state.tooFewSources = true;
      return [];
    }
    const right: Target[] = [];
    for (const target of targets) {
      await nextTurn(); // a root takes 8 ms
      if (state.deps.kernel.sectorRoot(target.data) === target.sector.root) right.push(target);
    }
    if (right.length === targets.length) return right;
    // No coefficient of a rebuild is zero, so one correctly rebuilt target proves that every source is right, too. A
    // target that was itself read in some column proves nothing.
    if (right.some(({ sector }) => !read.has(sector.index))) {
      const wrong = targets.filter((target) => !right.includes(target));
      notePinnedWrongly(
        state,
        wrong.map(({ sector }) => sector),
      );
      return right;
    }
  }
  return "inconsistent";
}

/** Reads and decodes every column. @returns indices of the shards read; undefined: too few sources answered */
async function decodeColumns(
  targets: readonly Target[],
  pass: Pass,
  columnsAtOnce: number,
): Promise<ReadonlySet<number> | undefined> {
  const read = new Set<number>();
  const offsets = Array.from({ length: SECTOR_BYTES / pass.rangeBytes }, (_, n) => n * pass.rangeBytes);
  let isComplete = await decodeOne(offsets.shift()!, targets, pass, read);
  const lane = async (): Promise<void> => {
    for (let offset = offsets.shift(); offset !== undefined && isComplete; offset = offsets.shift()) {
      if (!(await decodeOne(offset, targets, pass, read))) isComplete = false;
    }
  };
  // All lanes must have ended before the buffers are returned, even if one throws.
  const lanes = await Promise.allSettled(Array.from({ length: columnsAtOnce }, lane));
  for (const result of lanes) if (result.status === "rejected") throw result.reason;
  return isComplete ? read : undefined;
}

async function decodeOne(
  offset: number,
  targets: readonly Target[],
  pass: Pass,
  read: Set<number>,
): Promise<boolean> {
  const { state, ranges, rangeBytes } = pass;
  const column: Column = { offset, ranges: [] };
  try {
    if (!(await gatherColumn(column, pass))) return false;
    for (const { sector } of column.ranges) read.add(sector.index);
    await decodeColumn({
      kernel: state.deps.kernel,
      slab: state.slab,
      sources: column.ranges,
      targets,
      offset,
      lengthBytes: rangeBytes,
    });
    return true;
  } finally {
    for (const { data } of column.ranges) ranges.give(data);
  }
}
