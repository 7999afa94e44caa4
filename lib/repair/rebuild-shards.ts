import pLimit from "p-limit";
import type { PlannedMove } from "../placement/plan-repair.ts";
import { SECTOR_BYTES } from "../slab/sizes.ts";
import type { SlabSector } from "../slab/slab.ts";
import { BufferPool, cutIntoRanges } from "./buffer-pool.ts";
import { planColumns } from "./column-plan.ts";
import { decodeColumn } from "./decode-column.ts";
import { findConsistentSources } from "./find-consistent-sources.ts";
import { type Column, dropWrongRanges, type GatherOptions, gatherColumn } from "./gather-column.ts";
import { holdSector } from "./held-sector.ts";
import type { RebuildOptions } from "./rebuild-options.ts";
import { settleAll } from "./settle-all.ts";

export interface RebuildResult {
  /** Moves that were not rebuilt because too few sources answered. */
  readonly tooFewSources: boolean;
  /** Shards whose pinned root no set of proven sources yields; they are never uploaded. */
  readonly pinnedWrongly: readonly SlabSector[];
}

interface Target {
  readonly move: PlannedMove;
  readonly sector: SlabSector;
  readonly data: Uint8Array;
}

/** Rebuilds the moves' shards in as few passes as the memory allows. Aborts with the signal's reason. */
export async function rebuildShards(
  moves: readonly PlannedMove[],
  options: RebuildOptions,
): Promise<RebuildResult> {
  const { slab, buffers, copies } = options;
  const pinnedWrongly: SlabSector[] = [];
  let left = [...moves];
  while (left.length > 0 && options.mayStart()) {
    const plan = planColumns({
      sourcesToRead: Math.max(0, slab.minShards - copies.size),
      targets: left.length,
      // Blocks that copies hold as sources stay taken for the whole rebuild.
      blocks: buffers.total - copies.size,
    });
    const group = left.slice(0, plan.targetsAtOnce);
    left = left.slice(plan.targetsAtOnce);
    const pass = await rebuildGroup(group, plan, options);
    pinnedWrongly.push(...pass.pinnedWrongly);
    if (pass.tooFewSources) return { tooFewSources: true, pinnedWrongly };
  }
  return { tooFewSources: false, pinnedWrongly };
}

async function rebuildGroup(
  moves: readonly PlannedMove[],
  plan: ReturnType<typeof planColumns>,
  options: RebuildOptions,
): Promise<RebuildResult> {
  const { buffers, signal } = options;
  const targets: Target[] = [];
  const rangeBlocks: Uint8Array[] = [];
  const finished = new Set<Target>();
  const returnRangeBlocks = (): void => {
    for (const block of rangeBlocks.splice(0)) buffers.give(block);
  };
  try {
    for (const move of moves) targets.push({ move, sector: move.sector, data: await buffers.take(signal) });
    while (rangeBlocks.length < plan.rangeBlocks) rangeBlocks.push(await buffers.take(signal));
    const gather: GatherOptions = {
      ...options,
      ranges: new BufferPool(cutIntoRanges(rangeBlocks, plan.rangeBytes)),
      rangeBytes: plan.rangeBytes,
      proveEach: plan.prove === "each",
    };
    const result = await decodeUntilRight(targets, plan, gather, options, returnRangeBlocks);
    for (const target of result.right) {
      finished.add(target);
      await options.onRebuilt(target.move, holdSector(target.data, buffers));
    }
    return result;
  } finally {
    returnRangeBlocks();
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
  plan: ReturnType<typeof planColumns>,
  gather: GatherOptions,
  options: RebuildOptions,
  returnRangeBlocks: () => void,
): Promise<Decoded> {
  const { slab, kernel } = options;
  const columns: Column[] = [];
  for (let offset = 0; offset < SECTOR_BYTES; offset += plan.rangeBytes) columns.push({ offset, ranges: [] });
  const limit = pLimit(plan.columnsAtOnce);
  let stale: readonly Column[] = columns;
  while (stale.length > 0) {
    const gathered = await settleAll(
      stale.map((column) =>
        limit(async () => {
          if (!(await gatherColumn(column, columns.indexOf(column), gather))) return false;
          const { offset, ranges } = column;
          decodeColumn({ kernel, slab, sources: ranges, targets, offset, lengthBytes: plan.rangeBytes });
          if (plan.prove === "each") for (const { data } of ranges.splice(0)) gather.ranges.give(data);
          return true;
        }),
      ),
    );
    if (gathered.includes(false)) return { right: [], tooFewSources: true, pinnedWrongly: [] };
    const right = targets.filter(({ sector, data }) => kernel.sectorRoot(data) === sector.root);
    const wrong = targets.filter((target) => !right.includes(target)).map(({ sector }) => sector);
    if (wrong.length === 0) return { right, tooFewSources: false, pinnedWrongly: [] };
    stale = columns.filter((column) => dropWrongRanges(column, gather));
    if (stale.length > 0) continue;
    // No coefficient of a rebuild is zero, so one right target proves that every source is what it should be.
    if (right.length > 0) return { right, tooFewSources: false, pinnedWrongly: wrong };
  }
  for (const column of columns) column.ranges.length = 0;
  returnRangeBlocks();
  const found = await findConsistentSources(targets, options);
  return {
    right: targets.filter(({ sector }) => found.right.has(sector.index)),
    tooFewSources: false,
    pinnedWrongly: found.pinnedWrongly,
  };
}
