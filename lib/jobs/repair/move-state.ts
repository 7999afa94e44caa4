import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import type { PlannedMove, RepairPlan } from "../../placement/plan-repair.ts";
import type { Slab, SlabSector } from "../../slab/slab.ts";
import { blocksForRebuild } from "./column-plan.ts";
import type { HeldSector } from "./held-sector.ts";
import type { HostAnswers } from "./host-answers.ts";
import type { CostLimit, Meter } from "./meter.ts";
import type { RepairDependencies } from "./repair-dependencies.ts";
import type { SectorArena } from "./sector-memory.ts";
import type { SectorReader } from "./sector-reader.ts";
import type { ShardStore, StoredShard } from "./store-shards.ts";
import type { TimeLimits } from "./time-limits.ts";

export type MovePlan = Extract<RepairPlan, { kind: "repair" }>;

/**
 * The state shared by the phases of one repair (copy, rebuild, store), which share nothing else. A phase changes only
 * those fields that the comments in its own file mention.
 */
export interface MoveState {
  readonly slab: Slab;
  readonly plan: MovePlan;
  readonly deps: RepairDependencies;
  readonly meter: Meter;
  readonly cost: CostLimit;
  readonly limits: TimeLimits;
  readonly answers: HostAnswers;
  readonly reader: SectorReader;
  readonly store: ShardStore;
  /** The highest price of a copy, in hastings per byte; above it a rebuild is tried first. */
  readonly mostForCopy: bigint;
  /** All moves: those of the plan, then those of sectors denied since. */
  readonly moves: PlannedMove[];
  /** Moves whose shard was not obtained yet: a slow copy and a rebuild may both be working on the same move. */
  readonly wanted: Set<PlannedMove>;
  /** Sectors that stay, because the host that had denied them has now served them. */
  readonly confirmed: PlannedMove[];
  /**
   * Indices of wrongly pinned shards, known before this repair or found by its rebuild: no rebuild yields or uses them.
   */
  readonly badShards: Set<number>;
  /** Wrongly pinned shards that this repair's rebuild found. */
  readonly pinnedWrongly: SlabSector[];
  /** Copied sectors kept as sources, by index. */
  readonly copies: Map<number, HeldSector>;
  /** The repair's memory; a larger arena replaces it if an unplanned rebuild becomes necessary. */
  arena: SectorArena;
  /** Number of the arena's blocks reserved for {@link copies}; 0 if no rebuild was planned. */
  mostCopies: number;
  /** True: the latest rebuild found too few sources for some moves. */
  tooFewSources: boolean;
  /** True: some shard was pinned wrongly, but it is unknown which. */
  undecided: boolean;
}

/** A shard that is being rebuilt. */
export interface Target {
  readonly move: PlannedMove;
  readonly sector: SlabSector;
  /** A whole sector. */
  readonly data: Uint8Array;
}

/** Number of copies in parallel; each holds a block of the arena. */
export const COPIES_AT_ONCE = 6;
/**
 * At most this many copies are kept as sources for a rebuild: if `min_shards` is above this number, a rebuild reads so
 * many sources that more copies would hardly help.
 */
const MOST_KEPT_COPIES = 16;

/**
 * Gives a shard to the store, which takes over `held`. If the shard was obtained before, or its sector stays where it
 * was read, only releases `held`.
 * @returns whether the shard is obtained for the first time
 */
export function deliver(
  state: MoveState,
  move: PlannedMove,
  held: HeldSector,
  how: StoredShard["how"],
): boolean {
  const isFirst = state.wanted.delete(move);
  const stays = how === "copied" && move.staysIfServed;
  if (isFirst && stays) state.confirmed.push(move);
  if (isFirst && !stays) state.store.store(move, held, how);
  else held.release();
  return isFirst;
}

/**
 * Keeps a copied sector as a source, and retains `held`, if there is room and the shard is not known to be pinned
 * wrongly; otherwise does nothing.
 */
export function keepCopy(state: MoveState, { sector }: PlannedMove, held: HeldSector): void {
  if (state.copies.size >= state.mostCopies || state.badShards.has(sector.index)) return;
  held.retain();
  state.copies.set(sector.index, held);
}

export function notePinnedWrongly(state: MoveState, sectors: readonly SlabSector[]): void {
  state.pinnedWrongly.push(...sectors);
  for (const { index } of sectors) state.badShards.add(index);
}

export function dropCopies(state: MoveState): void {
  for (const held of state.copies.values()) held.release();
  state.copies.clear();
}

/**
 * Opens the arena that the moves need. If every sector has a host to copy it from, the arena has no room for a rebuild.
 */
export async function openArena(state: MoveState): Promise<void> {
  const { slab, badShards, deps, limits } = state;
  const { memory } = deps;
  const wanted = [...state.wanted];
  const copies = wanted.filter(({ copyFrom }) => copyFrom !== null).length;
  const targets = wanted.filter(
    ({ copyFrom, sector }) => copyFrom === null && !badShards.has(sector.index),
  ).length;
  const forRebuild =
    targets === 0
      ? 0
      : blocksForRebuild({ minShards: slab.minShards, targets, mostRangeBlocks: memory.mostRangeBlocks });
  state.mostCopies = targets === 0 ? 0 : Math.min(copies, slab.minShards, MOST_KEPT_COPIES);
  const blocks = Math.max(1, Math.min(copies, COPIES_AT_ONCE), state.mostCopies) + forRebuild;
  state.arena = await memory.open(blocks, limits.signal);
}

/** Hosts of the sources from which no read has failed: a read may have been cancelled, or there was none. */
export function freshSources({ plan, answers }: Pick<MoveState, "plan" | "answers">): NetworkHost[] {
  return plan.sources
    .filter(({ sector, host }) => answers.standing(sector, host) === "fresh")
    .map(({ host }) => host);
}
