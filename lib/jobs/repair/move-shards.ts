import type { NetworkHost, NetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { LostReport } from "../../database/leases/commit-repair.ts";
import type { PlannedMove, RepairPlan } from "../../placement/plan-repair.ts";
import type { Slab, SlabSector } from "../../slab/slab.ts";
import { type CopyRun, startCopies } from "./copy-sectors.ts";
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
  /** Some shard was pinned wrongly, and it could not be told which. */
  readonly undecided: boolean;
  readonly tally: RepairTally;
  /** A bug's: everything has ended all the same, and what was stored before it counts. */
  readonly error: unknown;
}

export interface MoveRun {
  readonly meter: Meter;
  readonly signal: AbortSignal;
  readonly endsAtMs: number;
  /** Indices of shards that no rebuild yields. */
  readonly badShards: ReadonlySet<number>;
}

type MovePlan = Extract<RepairPlan, { kind: "repair" }>;

/** Of all buffers at most this share is kept as sources for a rebuild that may come. */
const HELD_COPIES_SHARE = 1 / 3;

/**
 * Obtains every planned shard and stores it: copies first, then one rebuild of what was not copied in good time, with
 * the copies as its sources; what cannot be rebuilt is copied at any price and however long it takes. Uploads run
 * beside the reads. Everything started here has ended when this returns.
 */
export async function moveShards(
  slab: Slab,
  plan: MovePlan,
  fleet: NetworkSnapshot,
  deps: RepairDependencies,
  run: MoveRun,
): Promise<MoveResult> {
  const { hosts, kernel, buffers, clock, logger } = deps;
  const { meter } = run;
  const limits = createTimeLimits({
    clock,
    transfersEndAtMs: run.endsAtMs,
    expectedMs: (direction, lengthBytes) => hosts.expectedMs(direction, lengthBytes),
    signal: run.signal,
  });
  const reader = createShardReader({ hosts, kernel, meter, priceLimit: fleet.priceLimit });
  const store = createShardStore({
    candidates: plan.candidates,
    hosts,
    meter,
    priceLimit: fleet.priceLimit,
    limits,
    onStored: () => deps.step?.("stored-one"),
    onRefused: (host, error) => logger.info({ error, host: host.hostKey }, "a host took no shard"),
  });
  const hedgeAfterMs = (lengthBytes: number): number => hosts.hedgeAfterMs(lengthBytes);
  /** Shards that nobody has yet: a slow copy and a rebuild may race for one. */
  const wanted = new Set(plan.moves);
  const deliver = (move: PlannedMove, held: HeldSector, how: StoredShard["how"]): boolean => {
    const isFirst = wanted.delete(move);
    if (isFirst) store.store(move, held, how);
    else held.release();
    return isFirst;
  };

  const copies = new Map<number, HeldSector>();
  const mostCopies = Math.min(slab.minShards, Math.floor(buffers.total * HELD_COPIES_SHARE));
  // Thousandths keep a fractional multiple in whole hastings.
  const mostForCopy =
    (usualReadPrice(fleet) * BigInt(Math.round(deps.settings.copyPriceMultiple * 1_000))) / 1_000n;
  let mayKeepCopies = true;
  const copyWanted = (isLastAttempt: boolean): CopyRun =>
    startCopies([...wanted], {
      reader,
      buffers,
      clock,
      limits,
      hedgeAfterMs,
      isLastAttempt,
      affordable: async (host, signal) => {
        const { egressPrice } = await hosts.prices(host, signal);
        return isLastAttempt || egressPrice <= mostForCopy;
      },
      onCopied: async (move, held) => {
        held.retain();
        const isKept =
          deliver(move, held, "copied") &&
          mayKeepCopies &&
          copies.size < mostCopies &&
          !run.badShards.has(move.sector.index);
        if (isKept) copies.set(move.sector.index, held);
        else held.release();
        await deps.step?.("fetched-one");
      },
    });
  const pinnedWrongly: SlabSector[] = [];
  const isBad = ({ index }: SlabSector): boolean =>
    run.badShards.has(index) || pinnedWrongly.some((sector) => sector.index === index);
  const rebuildWanted = async (underWay: ReadonlySet<PlannedMove>): Promise<RebuildResult> => {
    const toRebuild = [...wanted].filter(({ sector }) => !isBad(sector));
    if (toRebuild.length === 0) return { tooFewSources: false, pinnedWrongly: [], undecided: false };
    mayKeepCopies = false;
    const result = await timed(meter, clock.now, "rebuild", () =>
      rebuildShards(toRebuild, {
        slab,
        // A host whose copy is under way has nothing faster for us.
        sources: plan.sources.filter(
          ({ sector }) => !isBad(sector) && ![...underWay].some((move) => move.sector.index === sector.index),
        ),
        copies,
        reader,
        kernel,
        buffers,
        heldBuffers: copies.size + underWay.size,
        clock,
        hedgeAfterMs,
        mayStart: () => limits.mayStart("read"),
        isWanted: (move) => wanted.has(move),
        signal: limits.signal,
        onRebuilt: async (move, held) => {
          deliver(move, held, "rebuilt");
          await deps.step?.("rebuilt-one");
        },
      }),
    );
    mayKeepCopies = true;
    pinnedWrongly.push(...result.pinnedWrongly);
    return result;
  };

  let rebuild: RebuildResult | undefined;
  let error: unknown;
  let nobodyAnswered = false;
  let copying: CopyRun | undefined;
  try {
    copying = copyWanted(false);
    const { firstRound, underWay } = copying;
    await timed(meter, clock.now, "copy", () => firstRound);
    rebuild = await rebuildWanted(underWay);
    if (wanted.size > 0 && !limits.signal.aborted) {
      // Nothing else yields these: now a copy may cost what it costs and take its time.
      const before = wanted.size;
      await copying.settled();
      copying = copyWanted(true);
      await copying.settled();
      if (wanted.size < before && rebuild.tooFewSources) rebuild = await rebuildWanted(new Set());
    }
    if (rebuild.tooFewSources && wanted.size > 0) {
      nobodyAnswered = await reader.hearsNobody([...fresh(plan, reader), ...plan.candidates], limits.signal);
    }
  } catch (cause) {
    // The deadline and a lost lease end here and keep what is stored; anything else is a bug.
    if (!limits.signal.aborted) error = cause;
  }
  try {
    copying?.giveUp();
    await copying?.settled();
  } catch (cause) {
    error ??= cause;
  }
  // Not before: a copy that was all but done may have come in since.
  for (const held of copies.values()) held.release();
  try {
    await timed(meter, clock.now, "store", () => store.settled());
  } catch (cause) {
    error ??= cause;
  }
  limits.stop();
  // A shard that was pinned wrongly but copied is where it should be.
  const unmovable = pinnedWrongly.filter(({ index }) =>
    [...wanted].some(({ sector }) => sector.index === index),
  );
  return {
    stored: store.stored,
    lost: reader.lost,
    pinnedWrongly,
    undecided: rebuild?.undecided === true,
    tally: {
      moves: plan.moves.length,
      stored: store.stored.length,
      pinnedWrongly: unmovable.length,
      deadlineReached: limits.deadlineReached,
      tooFewSources: rebuild?.tooFewSources === true && wanted.size > 0,
      nobodyAnswered,
      underfunded: store.underfunded || enoughWithFunds(slab, plan, reader),
    },
    error,
  };
}

/** Sources that have not failed: those that were cancelled or never asked. */
function fresh(plan: MovePlan, reader: ShardReader): NetworkHost[] {
  return plan.sources
    .filter(({ sector, host }) => reader.standing(sector, host) === "fresh")
    .map(({ host }) => host);
}

/** Whether the hosts that only lacked funds would have made enough sources. */
function enoughWithFunds(slab: Slab, plan: MovePlan, reader: ShardReader): boolean {
  const count = (wanted: readonly string[]): number =>
    plan.sources.filter(({ sector, host }) => wanted.includes(reader.standing(sector, host))).length;
  const underfunded = count(["underfunded"]);
  return underfunded > 0 && underfunded + count(["fresh", "broken-off", "expensive"]) >= slab.minShards;
}
