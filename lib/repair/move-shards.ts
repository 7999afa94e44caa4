import type { FleetHost, FleetSnapshot } from "../indexd/fleet-snapshot.ts";
import type { PlannedMove, RepairPlan } from "../placement/plan-repair.ts";
import type { Slab, SlabSector } from "../slab/slab.ts";
import type { LostReport } from "../store/commit-repair.ts";
import { copySectors } from "./copy-sectors.ts";
import type { HeldSector } from "./held-sector.ts";
import { type Meter, timed } from "./meter.ts";
import type { RepairTally } from "./outcome.ts";
import { type RebuildResult, rebuildShards } from "./rebuild-shards.ts";
import type { RepairDependencies } from "./repair-dependencies.ts";
import { createShardReader, type ShardReader } from "./shard-reader.ts";
import { createShardStore, type StoredShard } from "./store-shards.ts";
import { createTimeLimits } from "./time-limits.ts";
import { usualReadPrice } from "./usual-read-price.ts";

export interface MoveResult {
  readonly stored: readonly StoredShard[];
  readonly lost: readonly LostReport[];
  readonly pinnedWrongly: readonly SlabSector[];
  readonly tally: RepairTally;
}

/** Of all buffers at most this share is kept as sources for a rebuild that may come. */
const HELD_COPIES_SHARE = 1 / 3;

/**
 * Obtains every planned shard and stores it: copies first, then one rebuild of what could not be copied, with the
 * copies as its sources. Uploads run beside the reads. Everything started here has ended when this returns.
 */
export async function moveShards(
  slab: Slab,
  plan: Extract<RepairPlan, { kind: "repair" }>,
  fleet: FleetSnapshot,
  deps: RepairDependencies,
  run: {
    readonly meter: Meter;
    readonly signal: AbortSignal;
    readonly endsAtMs: number;
    /** Indices of shards that no rebuild yields. */
    readonly badShards: ReadonlySet<number>;
  },
): Promise<MoveResult> {
  const { hosts, kernel, buffers, clock, logger } = deps;
  const { meter } = run;
  const limits = createTimeLimits({
    clock,
    transfersEndAtMs: run.endsAtMs,
    expectedMs: (direction, lengthBytes) => hosts.expectedMs(direction, lengthBytes),
    signal: run.signal,
  });
  const reader = createShardReader({ hosts, kernel, meter });
  const store = createShardStore({
    candidates: plan.candidates,
    hosts,
    meter,
    limits,
    onStored: () => deps.step?.("stored-one"),
    onRefused: (host, error) => logger.info({ error, host: host.hostKey }, "a host took no shard"),
  });
  const copies = new Map<number, HeldSector>();
  const mostCopies = Math.min(slab.minShards, Math.floor(buffers.total * HELD_COPIES_SHARE));
  let rebuild: RebuildResult = { tooFewSources: false, pinnedWrongly: [] };
  try {
    // Thousandths keep a fractional multiple in whole hastings.
    const mostForCopy =
      (usualReadPrice(fleet) * BigInt(Math.round(deps.settings.copyPriceMultiple * 1_000))) / 1_000n;
    const left = await timed(meter, clock.now, "copy", () =>
      copySectors(plan.moves, {
        reader,
        buffers,
        limits,
        affordable: async (host, signal) => {
          const { egressPrice } = await hosts.prices(host, signal);
          return egressPrice <= mostForCopy;
        },
        onCopied: async (move, held) => {
          if (copies.size < mostCopies && !run.badShards.has(move.sector.index)) {
            held.retain();
            copies.set(move.sector.index, held);
          }
          store.store(move, held, "copied");
          await deps.step?.("fetched-one");
        },
      }),
    );
    const toRebuild = left.filter(({ sector }) => !run.badShards.has(sector.index));
    if (toRebuild.length > 0) {
      rebuild = await timed(meter, clock.now, "rebuild", () =>
        rebuildShards(toRebuild, {
          slab,
          sources: plan.sources,
          copies,
          reader,
          kernel,
          buffers,
          clock,
          hedgeAfterMs: (lengthBytes) => hosts.hedgeAfterMs(lengthBytes),
          mayStart: () => limits.mayStart("read"),
          signal: limits.signal,
          onRebuilt: async (move, held) => {
            store.store(move, held, "rebuilt");
            await deps.step?.("rebuilt-one");
          },
        }),
      );
    }
  } catch (cause) {
    // The deadline and a lost lease end here and keep what is stored; anything else is a fault, after all has ended.
    if (!limits.signal.aborted) throw cause;
  } finally {
    for (const held of copies.values()) held.release();
    await timed(meter, clock.now, "store", () => store.settled());
    limits.stop();
  }
  return {
    stored: store.stored,
    lost: reader.lost,
    pinnedWrongly: rebuild.pinnedWrongly,
    tally: {
      moves: plan.moves.length,
      stored: store.stored.length,
      pinnedWrongly: countMoves(plan.moves, rebuild.pinnedWrongly),
      deadlineReached: limits.deadlineReached,
      tooFewSources: rebuild.tooFewSources,
      underfunded: store.underfunded || enoughWithFunds(slab, plan, reader),
    },
  };
}

function countMoves(moves: readonly PlannedMove[], sectors: readonly SlabSector[]): number {
  return moves.filter((move) => sectors.some(({ index }) => index === move.sector.index)).length;
}

/** Whether the hosts that only lacked funds would have made enough sources. */
function enoughWithFunds(
  slab: Slab,
  plan: Extract<RepairPlan, { kind: "repair" }>,
  reader: ShardReader,
): boolean {
  const answers = (host: FleetHost): boolean => {
    const failure = reader.failures.get(host.id);
    return failure === undefined || failure === "underfunded";
  };
  const lacking = [...reader.failures.values()].includes("underfunded");
  return lacking && plan.sources.filter(({ host }) => answers(host)).length >= slab.minShards;
}
