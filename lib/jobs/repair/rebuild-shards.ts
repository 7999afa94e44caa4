import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit from "p-limit";
import type { PlannedMove } from "../../placement/plan-repair.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import type { SlabSector } from "../../slab/slab.ts";
import { BufferPool, cutIntoRanges } from "./buffer-pool.ts";
import { type ColumnPlan, planColumns } from "./column-plan.ts";
import { decodeColumn } from "./decode-column.ts";
import { findConsistentSources } from "./find-consistent-sources.ts";
import { type Column, dropWrongRanges, type GatherOptions, gatherColumn } from "./gather-column.ts";
import { holdSector } from "./held-sector.ts";
import type { RebuildOptions } from "./rebuild-options.ts";
import { settleAll } from "./settle-all.ts";

export interface RebuildResult {
  /** Moves that were not rebuilt because too few sources answered. */
  readonly tooFewSources: boolean;
  /** Shards that do not fit the slab's others though they are what was pinned; they are never uploaded. */
  readonly pinnedWrongly: readonly SlabSector[];
  /** Some shard was pinned wrongly, and it cannot be told which: moves were not rebuilt, nobody is accused. */
  readonly undecided: boolean;
}

interface Target {
  readonly move: PlannedMove;
  readonly sector: SlabSector;
  readonly data: Uint8Array;
}

/** What the passes of a rebuild share. */
interface Passes {
  readonly plan: ColumnPlan;
  readonly gather: GatherOptions;
  readonly columns: readonly Column[];
  /** Gives the ranges' memory back; the columns are empty then. */
  release(): void;
}

/** Rebuilds the moves' shards in as few passes as the memory allows. Aborts with the signal's reason. */
export async function rebuildShards(
  moves: readonly PlannedMove[],
  options: RebuildOptions,
): Promise<RebuildResult> {
  const pinnedWrongly: SlabSector[] = [];
  let undecided = false;
  let passes: Passes | undefined;
  let left = [...moves];
  try {
    while (left.length > 0 && options.mayStart()) {
      const known = withoutSectors(pinnedWrongly, options);
      passes ??= await startPasses(left.length, known);
      const group = left.slice(0, passes.plan.targetsAtOnce).filter(options.isWanted);
      left = left.slice(passes.plan.targetsAtOnce);
      if (group.length === 0) continue;
      const result = await rebuildGroup(group, passes, known);
      pinnedWrongly.push(...result.pinnedWrongly);
      undecided ||= result.undecided;
      if (result.tooFewSources) return { ...result, pinnedWrongly, undecided };
      // The sources may be others from now on.
      if (result.pinnedWrongly.length > 0 || result.undecided) {
        passes.release();
        passes = undefined;
      }
    }
  } finally {
    passes?.release();
  }
  return { tooFewSources: false, pinnedWrongly, undecided };
}

/** What an earlier pass found to be wrong is no source of the next. */
function withoutSectors(wrong: readonly SlabSector[], options: RebuildOptions): RebuildOptions {
  const indices = new Set(wrong.map(({ index }) => index));
  return {
    ...options,
    sources: options.sources.filter(({ sector }) => !indices.has(sector.index)),
    copies: new Map([...options.copies].filter(([index]) => !indices.has(index))),
  };
}

async function startPasses(targets: number, options: RebuildOptions): Promise<Passes> {
  const { slab, buffers, copies, signal } = options;
  const plan = planColumns({
    sources: slab.minShards,
    toRead: Math.max(0, slab.minShards - copies.size),
    targets,
    blocks: buffers.total - options.heldBuffers,
  });
  const blocks: Uint8Array[] = [];
  const columns: Column[] = [];
  const release = (): void => {
    for (const column of columns) column.ranges.length = 0;
    for (const block of blocks.splice(0)) buffers.give(block);
  };
  try {
    while (blocks.length < plan.rangeBlocks) blocks.push(await buffers.take(signal));
  } catch (cause) {
    release();
    throw cause;
  }
  for (let offset = 0; offset < SECTOR_BYTES; offset += plan.rangeBytes) columns.push({ offset, ranges: [] });
  const gather: GatherOptions = {
    ...options,
    ranges: new BufferPool(cutIntoRanges(blocks, plan.rangeBytes)),
    rangeBytes: plan.rangeBytes,
    proveEach: plan.prove === "each",
  };
  return { plan, gather, columns, release };
}

async function rebuildGroup(
  moves: readonly PlannedMove[],
  passes: Passes,
  options: RebuildOptions,
): Promise<RebuildResult> {
  const { buffers, signal } = options;
  const targets: Target[] = [];
  const finished = new Set<Target>();
  try {
    for (const move of moves) targets.push({ move, sector: move.sector, data: await buffers.take(signal) });
    const { right, ...result } = await decodeUntilRight(targets, passes, options);
    for (const target of right) {
      finished.add(target);
      await options.onRebuilt(target.move, holdSector(target.data, buffers));
    }
    return result;
  } finally {
    for (const target of targets) if (!finished.has(target)) buffers.give(target.data);
  }
}

type Decoded = RebuildResult & { readonly right: readonly Target[] };

/**
 * Decodes, then compares the rebuilt roots with the pinned ones, which checks every input at once. Only when one
 * differs are the ranges' proofs checked; hosts that lied are replaced and their columns decoded again. When every
 * input is proven, the difference is in what was pinned.
 */
async function decodeUntilRight(
  targets: readonly Target[],
  { plan, gather, columns, release }: Passes,
  options: RebuildOptions,
): Promise<Decoded> {
  const { slab, kernel } = options;
  const fine = { tooFewSources: false, pinnedWrongly: [], undecided: false };
  const limit = pLimit(plan.columnsAtOnce);
  /** Targets that were read themselves in some column: their root says nothing about the other sources. */
  const readThemselves = new Set<number>();
  let stale: readonly Column[] = columns;
  while (stale.length > 0) {
    const gathered = await settleAll(
      stale.map((column) =>
        limit(async () => {
          if (!(await gatherColumn(column, columns.indexOf(column), gather))) return false;
          const { offset, ranges } = column;
          for (const { sector } of ranges) readThemselves.add(sector.index);
          await decodeColumn({
            kernel,
            slab,
            sources: ranges,
            targets,
            offset,
            lengthBytes: plan.rangeBytes,
          });
          if (plan.prove === "each") for (const { data } of ranges.splice(0)) gather.ranges.give(data);
          return true;
        }),
      ),
    );
    if (gathered.includes(false)) return { ...fine, right: [], tooFewSources: true };
    const right: Target[] = [];
    for (const target of targets) {
      await nextTurn(); // 8 ms a root
      if (kernel.sectorRoot(target.data) === target.sector.root) right.push(target);
    }
    const wrong = targets.filter((target) => !right.includes(target)).map(({ sector }) => sector);
    if (wrong.length === 0) return { ...fine, right };
    stale = columns.filter((column) => dropWrongRanges(column, gather));
    if (stale.length > 0) continue;
    // No coefficient of a rebuild is zero, so one rebuilt target that is right proves that every source is, too.
    if (right.some(({ sector }) => !readThemselves.has(sector.index))) {
      return { ...fine, right, pinnedWrongly: wrong };
    }
  }
  release();
  const found = await findConsistentSources(targets, options);
  if (found.kind === "undecided") return { ...fine, right: [], undecided: true };
  const right = targets.filter(({ sector }) => found.right.has(sector.index));
  return { ...fine, right, pinnedWrongly: found.pinnedWrongly };
}
