import type { NetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { DenialReport, ServedReport } from "../../database/leases/commit-repair.ts";
import type { Upload } from "../../database/leases/uploads.ts";
import type { PlannedMove } from "../../placement/plan-repair.ts";
import { isOnlyDrain } from "../../placement/sectors-to-move.ts";
import type { Slab, SlabSector } from "../../slab/slab.ts";
import { confirmDenials } from "./confirm-denials.ts";
import { CopyRun } from "./copy-sectors.ts";
import { findUploads } from "./find-uploads.ts";
import { HostAnswers } from "./host-answers.ts";
import { CostLimit, type Meter, timed } from "./meter.ts";
import { dropCopies, freshSources, type MovePlan, type MoveState, openArena } from "./move-state.ts";
import type { RepairTally } from "./outcome.ts";
import { rebuildShards } from "./rebuild-shards.ts";
import type { RepairDependencies } from "./repair-dependencies.ts";
import { NO_ARENA } from "./sector-memory.ts";
import { SectorReader } from "./sector-reader.ts";
import { ShardStore, type StoredShard } from "./store-shards.ts";
import { createTimeLimits } from "./time-limits.ts";
import { usualReadPrice } from "./usual-read-price.ts";

export interface MoveResult {
  /** Moves of the plan, and moves of sectors denied since. */
  readonly moves: readonly PlannedMove[];
  readonly stored: readonly StoredShard[];
  /** The denials to record. Empty if so many hosts deny their sectors that the cause must be on our side. */
  readonly denied: readonly DenialReport[];
  readonly served: readonly ServedReport[];
  readonly pinnedWrongly: readonly SlabSector[];
  /** True: some shard was pinned wrongly, but it is unknown which. */
  readonly undecided: boolean;
  readonly tally: RepairTally;
  /** Number of hosts by the code of their failure. */
  readonly answers: Readonly<Record<string, number>>;
  /**
   * An unexpected error; undefined: none. After an error, too, all work of the repair has ended, and `stored` has the
   * shards that were stored before the error.
   */
  readonly error: unknown;
}

export interface MoveRun {
  readonly meter: Meter;
  readonly signal: AbortSignal;
  readonly endsAtMs: number;
  /** Indices of shards that no rebuild can reproduce. */
  readonly badShards: ReadonlySet<number>;
  /** Shards that earlier repairs stored but did not commit. */
  readonly uploads: readonly Upload[];
  /** Called for every shard that a host acknowledged. */
  readonly noteUpload: (upload: Upload) => void;
  /** True: hosts denied their sectors of this slab in all repairs of the last hours, so the sectors are gone. */
  readonly deniedForLong: boolean;
}

/**
 * A repair has at most this many rounds: the first obtains the planned shards, each further round the shards of sectors
 * that hosts have denied meanwhile.
 */
const MOST_ROUNDS = 3;

/**
 * Obtains and stores every planned shard, then those of sectors denied during the repair. Uploads run in parallel with
 * reads. Everything started here has ended when this returns.
 */
export async function moveShards(
  slab: Slab,
  plan: MovePlan,
  network: NetworkSnapshot,
  deps: RepairDependencies,
  run: MoveRun,
): Promise<MoveResult> {
  const state = createState(slab, plan, network, deps, run);
  let error: unknown;
  try {
    await timed(state.meter, deps.clock.now, "find", () => findUploads(state, run.uploads));
    if (state.wanted.size > 0) await obtainAll(state);
    if (isStuck(state) && state.answers.fewWereHeard) {
      await state.reader.probe([...freshSources(state), ...plan.candidates], state.limits.signal);
    }
  } catch (cause) {
    // The deadline and a lost lease end the work here; stored shards are kept. Any other error is a bug.
    if (!state.limits.signal.aborted) error = cause;
  }
  dropCopies(state);
  try {
    await timed(state.meter, deps.clock.now, "store", () => state.store.settled());
  } catch (cause) {
    error ??= cause;
  }
  await timed(state.meter, deps.clock.now, "confirm", () => confirmDenials(state, network));
  state.arena.close();
  state.limits.stop();
  return resultOf(state, error);
}

/** Obtains the wanted shards, then those of sectors denied during the repair. */
async function obtainAll(state: MoveState): Promise<void> {
  // Memory comes first: no read is paid for before there is memory for its data.
  await timed(state.meter, state.deps.clock.now, "wait", () => openArena(state));
  for (let round = 1; ; round += 1) {
    await obtainShards(state);
    if (round === MOST_ROUNDS || !addDeniedSectors(state)) break;
  }
}

function createState(
  slab: Slab,
  plan: MovePlan,
  network: NetworkSnapshot,
  deps: RepairDependencies,
  run: MoveRun,
): MoveState {
  const { hosts, kernel, clock, logger, settings } = deps;
  const { meter } = run;
  const { priceLimit } = network;
  const limits = createTimeLimits({
    clock,
    transfersEndAtMs: run.endsAtMs,
    expectedMs: (direction, lengthBytes) => hosts.expectedMs(direction, lengthBytes),
    signal: run.signal,
  });
  const answers = new HostAnswers({ believesMany: run.deniedForLong });
  const cost = new CostLimit(meter, settings.mostHastings);
  const onStored = ({ move, host }: StoredShard): void | Promise<void> => {
    run.noteUpload({ sectorId: move.sector.sectorId, hostId: host.id });
    return deps.step?.("stored-one");
  };
  return {
    slab,
    plan,
    deps,
    meter,
    cost,
    limits,
    answers,
    reader: new SectorReader({ hosts, kernel, meter, cost, answers, priceLimit }),
    store: new ShardStore({
      candidates: plan.candidates,
      hosts,
      clock,
      logger,
      meter,
      cost,
      answers,
      priceLimit,
      limits,
      onStored,
    }),
    // A bigint has no fractions, so the multiple is counted in thousandths.
    mostForCopy: (usualReadPrice(network) * BigInt(Math.round(settings.copyPriceMultiple * 1_000))) / 1_000n,
    moves: [...plan.moves],
    wanted: new Set(plan.moves),
    confirmed: [],
    badShards: new Set(run.badShards),
    pinnedWrongly: [],
    copies: new Map(),
    arena: NO_ARENA,
    mostCopies: 0,
    tooFewSources: false,
    undecided: false,
  };
}

/**
 * Copies first; then rebuilds the shards that were not copied quickly enough, with the copies as sources; shards that
 * cannot be rebuilt are copied at any price and speed. A drain has time, and a rebuild reads `min_shards` times as
 * much, so a drain rebuilds only if a host fails to serve; if only funds are missing, the drain waits.
 */
async function obtainShards(state: MoveState): Promise<void> {
  const { meter, deps, limits, wanted } = state;
  const { now } = deps.clock;
  const hasTime = isOnlyDrain(state.moves);
  let copying = new CopyRun(state, { isLastAttempt: false, hasTime });
  try {
    const { firstRound, underWay } = copying;
    await timed(meter, now, "copy", () => firstRound);
    if (hasTime && waitsForFunds(state)) return;
    await timed(meter, now, "rebuild", () => rebuildShards(state, underWay));
    if (wanted.size === 0 || limits.signal.aborted || !state.store.hasCandidates) return;
    // Nothing else yields these shards: now a copy may be slow and expensive.
    const before = wanted.size;
    await copying.settled();
    copying = new CopyRun(state, { isLastAttempt: true, hasTime });
    await copying.settled();
    if (wanted.size < before && state.tooFewSources) {
      await timed(meter, now, "rebuild", () => rebuildShards(state, new Set()));
    }
  } finally {
    copying.giveUp();
    await copying.settled();
  }
}

/** Adds moves for the sectors that hosts have denied meanwhile. @returns whether a move was added */
function addDeniedSectors(state: MoveState): boolean {
  const { slab, moves, wanted, answers, store, limits, badShards, tooFewSources } = state;
  if (tooFewSources || !store.hasCandidates || answers.manyDeny || !limits.mayStart("read")) return false;
  const known = new Set(moves.map(({ sector }) => sector.sectorId));
  const denied = new Set(answers.denied.map(({ sectorId }) => sectorId));
  const found = slab.sectors.filter(
    ({ sectorId, index }) => denied.has(sectorId) && !known.has(sectorId) && !badShards.has(index),
  );
  for (const sector of found) {
    const move = { sector, reason: "denied", copyFrom: null, staysIfServed: false } as const;
    moves.push(move);
    wanted.add(move);
  }
  return found.length > 0;
}

/** Whether some wanted sector could be read if our account on its host had funds. */
function waitsForFunds({ wanted, answers }: MoveState): boolean {
  return [...wanted].some(
    ({ sector, copyFrom }) => copyFrom !== null && answers.standing(sector, copyFrom) === "underfunded",
  );
}

/** Whether some shards are still wanted, and this repair has stored no shard at all. */
function isStuck({ wanted, store }: MoveState): boolean {
  return wanted.size > 0 && store.stored.length === 0;
}

function resultOf(state: MoveState, error: unknown): MoveResult {
  const { slab, plan, moves, wanted, store, answers, pinnedWrongly, limits, cost } = state;
  const isTooFew = state.tooFewSources && wanted.size > 0;
  // A wrongly pinned shard that was copied can be moved, so only those that are still wanted are unmovable.
  const unmovable = pinnedWrongly.filter(({ index }) =>
    [...wanted].some(({ sector }) => sector.index === index),
  );
  const ourFault = answers.ourFault(
    isTooFew ? { sources: plan.sources, minShards: slab.minShards } : "candidates",
  );
  return {
    moves,
    stored: store.stored,
    denied: answers.manyDeny ? [] : answers.denied,
    served: answers.servedWhole,
    pinnedWrongly,
    undecided: state.undecided,
    tally: {
      moves: moves.length,
      stored: store.stored.length,
      confirmed: state.confirmed.length,
      noCandidates: plan.candidates.length === 0,
      pinnedWrongly: unmovable.length,
      deadlineReached: limits.deadlineReached,
      costLimitReached: cost.wasReached,
      tooFewSources: isTooFew,
      ourFault: store.stored.length === 0 ? ourFault : undefined,
      underfunded:
        store.underfunded ||
        answers.fundsWouldSuffice(plan.sources, slab.minShards) ||
        (isOnlyDrain(moves) && waitsForFunds(state)),
    },
    answers: answers.counts(),
    error,
  };
}
