/**
 * Repairs one slab: begin, plan, move (move-shards.ts: find, copy, rebuild, store), commit, bump events.
 *
 * What always holds, even after a failure: the lease was begun exactly once; indexd's tables are written only by the
 * one fenced commit at the end; a shard is uploaded only if its root is the pinned one; when this function returns,
 * none of its transfers, timers or heartbeats is left.
 */

import { assertClockAgrees, ClockError } from "../../clock/clock-check.ts";
import type { NetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { CommitRequest, CommitResult } from "../../database/leases/commit-repair.ts";
import type { JobKind, OutcomeKind } from "../../database/leases/outcome-writes.ts";
import { planRepair, type RepairPlan } from "../../placement/plan-repair.ts";
import { isOnlyDrain } from "../../placement/sectors-to-move.ts";
import type { LeasedSlab } from "../../slab/leased-slab.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { describeAnswers } from "./host-answers.ts";
import { createMeter, dropPhantomCharges, type Meter, timed } from "./meter.ts";
import { type MoveResult, type MoveRun, moveShards } from "./move-shards.ts";
import { decideOutcome } from "./outcome.ts";
import type { RepairDependencies, RepairResult } from "./repair-dependencies.ts";
import { UploadNotes } from "./upload-notes.ts";

/** The hold lasts longer than the function's timeout: docs/architecture.md#the-lease. */
const HOLD_BEYOND_TIMEOUT_MS = 120_000;

/** Time reserved for the commit, its retries and cleaning up. */
const COMMIT_RESERVE_MS = 15_000;
/** A function with a short timeout (in a demo) reserves this share of its remaining time, not the 15 s above. */
const COMMIT_RESERVE_SHARE = 0.25;
/**
 * A stored shard is recorded in the database after this time at the latest, so that the slab's next repair finds the
 * shard if this repair crashes. One statement records all shards that were stored in this time.
 */
const NOTE_WITHIN_MS = 5_000;

/**
 * @param remainingMs the time left until the function's timeout
 * @throws only before the lease was begun, if the database is unavailable. Later every failure leads to an outcome; if
 * the database is unavailable then, only the log shows this outcome
 */
export async function repairSlab(
  task: LeasedSlab,
  deps: RepairDependencies,
  remainingMs: number,
): Promise<RepairResult> {
  const { store, clock, logger, settings } = deps;
  const startedAt = clock.now();
  const holdMs = remainingMs + HOLD_BEYOND_TIMEOUT_MS;
  const meter = createMeter();
  const begun = await timed(meter, clock.now, "begin", () =>
    store.begin(task, { worker: deps.worker, holdMs }),
  );
  if (begun.kind === "stale") return { kind: "stale", why: begun.why };
  const begunAt = clock.now();
  await deps.step?.("begun");

  const notes = new UploadNotes();
  const heartbeat = startHeartbeat({
    clock,
    everyMs: settings.heartbeatMs,
    leaseMs: settings.leaseMs,
    extend: () => notes.tell((uploads) => store.extend(task, meter, uploads)),
    onFailure: (error) =>
      logger.warn({ error, slab: String(task.slabId) }, "the lease could not be extended"),
  });
  const work: Work = { plan: undefined, moved: undefined, error: undefined, notes };
  try {
    assertClockAgrees(begun.nowMs, begunAt);
    const reserveMs = Math.min(COMMIT_RESERVE_MS, remainingMs * COMMIT_RESERVE_SHARE);
    await planAndMove(task, deps, {
      meter,
      work,
      signal: heartbeat.signal,
      noteUpload: (upload) => {
        notes.add(upload);
        heartbeat.beatWithin(NOTE_WITHIN_MS);
      },
      endsAtMs: startedAt + remainingMs - reserveMs,
    });
  } catch (error) {
    work.error = error;
    if (!heartbeat.signal.aborted)
      logger.error({ error, slab: String(task.slabId) }, "a repair failed unexpectedly");
  } finally {
    await heartbeat.stop();
  }
  if (heartbeat.signal.aborted) return { kind: "stale", why: "the lease was lost in mid-repair" };
  return finish(task, deps, work, meter);
}

/**
 * The progress of a repair. Updated step by step, so that stored shards are committed even if something fails
 * afterwards.
 */
interface Work {
  plan: RepairPlan | "slab-gone" | undefined;
  moved: MoveResult | undefined;
  error: unknown;
  readonly notes: UploadNotes;
}

/** Plans and moves; `run.work` has the results, even if this throws. */
async function planAndMove(
  task: LeasedSlab,
  deps: RepairDependencies,
  run: Pick<MoveRun, "meter" | "signal" | "endsAtMs" | "noteUpload"> & { work: Work },
): Promise<void> {
  const planned = await timed(run.meter, deps.clock.now, "plan", () => readAndPlan(task, deps));
  run.work.plan = planned.plan;
  if (planned.plan === "slab-gone") return;
  await deps.step?.("planned");
  if (planned.plan.kind !== "repair") return;
  const { slab, network, history, uploads } = planned;
  run.work.moved = await moveShards(slab, planned.plan, network, deps, { ...run, ...history, uploads });
  if (run.work.moved.error !== undefined) throw run.work.moved.error;
  await deps.step?.("stored");
}

async function readAndPlan(task: LeasedSlab, deps: RepairDependencies) {
  const { store, hosts, settings } = deps;
  const slab = await store.readSlab(task.slabId);
  if (slab === undefined || slab.digest !== task.digest) return { plan: "slab-gone" } as const;
  const uploads = await store.readUploads(task.slabId);
  const holders = new Set(uploads.map(({ hostId }) => hostId));
  const plannedWith = (network: NetworkSnapshot): RepairPlan =>
    planRepair({
      slab,
      network,
      random: deps.random,
      score: (host) => hosts.weight(host.hostKey),
      isFull: (host) => hosts.isFull(host.hostKey),
      hasUpload: (host) => holders.has(host.id),
      limits: { maxUnpinnedPerHost: settings.maxUnpinnedPerHost },
    });
  let network = await store.readNetwork();
  let planned = plannedWith(network);
  if (planned.kind === "healthy") {
    // claim saw a reason for the repair that a cached snapshot may not show yet, such as a host blocked a moment ago.
    network = await store.readNetwork({ fresh: true });
    planned = plannedWith(network);
  }
  const history = await store.readHistory(task.slabId);
  return { slab, network, history, uploads, plan: withoutBadShards(planned, history.badShards) };
}

/** A shard known to be pinned wrongly can be copied, but cannot be rebuilt or used as a source. */
function withoutBadShards(plan: RepairPlan, bad: ReadonlySet<number>): RepairPlan {
  if (plan.kind !== "repair" || bad.size === 0) return plan;
  const moves = plan.moves.filter(({ sector, copyFrom }) => copyFrom !== null || !bad.has(sector.index));
  const sources = plan.sources.filter(({ sector }) => !bad.has(sector.index));
  return moves.length === 0 ? { kind: "healthy", margin: plan.margin } : { ...plan, moves, sources };
}

/** Writes the repair's outcome; the commit is fenced, so a superseded worker changes nothing. */
async function finish(
  task: LeasedSlab,
  deps: RepairDependencies,
  work: Work,
  meter: Meter,
): Promise<RepairResult> {
  const { logger } = deps;
  const reported = outcomeOf(work);
  const error = errorOf(work, reported);
  if (error !== undefined)
    logger.warn({ slab: String(task.slabId), outcome: reported, why: error }, "not repaired");
  dropPhantomCharges(meter, reported);
  const request = commitRequest(task, deps.worker, work, { kind: reported, error }, meter);
  let committed: CommitResult;
  try {
    // The commit itself writes the journal row, so the row cannot contain the commit's duration: only the metrics do.
    committed = await timed(meter, deps.clock.now, "commit", () => commit(request, deps, work.notes));
  } catch (cause) {
    logger.error({ error: cause, slab: String(task.slabId) }, "a repair could not be committed");
    const code = errorCode(cause);
    return {
      kind: "fault",
      copied: 0,
      rebuilt: 0,
      found: 0,
      dropped: request.moves.length,
      denied: request.denied.length,
      lost: 0,
      error: code,
      ourFault: undefined,
      meter,
    };
  }
  await deps.step?.("committed");
  if (committed.kind === "superseded") return { kind: "stale", why: committed.why };
  const recorded =
    committed.kind === "committed" ? committed.recorded : request.moves.map(({ index }) => index);
  if (recorded.length > 0) await bumpEvents(task, deps);
  const count = (how: "copied" | "rebuilt" | "found"): number =>
    request.moves.filter((move) => move.how === how && recorded.includes(move.index)).length;
  // The outcome that was recorded: if the commit dropped moves, a repair that seemed complete was only partial.
  return {
    kind: committed.outcome === "stale" ? reported : committed.outcome,
    copied: count("copied"),
    rebuilt: count("rebuilt"),
    found: count("found"),
    dropped: request.moves.length - recorded.length,
    denied: request.denied.length,
    lost: committed.kind === "committed" ? committed.lostRecorded : 0,
    error,
    ourFault: reported === "fault" ? ourFaultOf(work) : undefined,
    meter,
  };
}

function commitRequest(
  task: LeasedSlab,
  worker: string,
  { plan, moved }: Work,
  { kind, error }: { readonly kind: OutcomeKind; readonly error: string | undefined },
  { bytesRead, bytesWritten, hastings, phasesMs }: Meter,
): CommitRequest {
  return {
    ...task,
    worker,
    kind: jobOf(plan, moved),
    outcome: { kind, ...(error === undefined ? {} : { error }) },
    moves: (moved?.stored ?? []).map(({ move: { sector }, host, how }) => ({
      index: sector.index,
      root: sector.root,
      sectorId: sector.sectorId,
      plannedHostId: sector.hostId,
      plannedMapId: sector.contractMapId,
      plannedContractId: sector.contractId,
      newHostId: host.id,
      how,
    })),
    denied: moved?.denied ?? [],
    served: moved?.served ?? [],
    badShards: (moved?.pinnedWrongly ?? []).map(({ index, root }) => ({ index, root })),
    bytesRead,
    bytesWritten,
    hastings,
    phasesMs,
  };
}

/**
 * A repair whose only cause was a drain has the kind `drain`: if it fails, this does not count as a failure of the
 * slab.
 */
function jobOf(plan: Work["plan"], moved: MoveResult | undefined): JobKind {
  const planned = typeof plan === "object" && plan.kind !== "healthy" ? plan.moves : [];
  return isOnlyDrain(moved?.moves ?? planned) ? "drain" : "repair";
}

async function bumpEvents(
  { slabId }: LeasedSlab,
  { store, logger, step }: RepairDependencies,
): Promise<void> {
  try {
    await store.bumpEvents(slabId);
    await step?.("events-bumped");
  } catch (error) {
    // Events not bumped here stay in the outbox; reap bumps them.
    logger.warn(
      { error, slab: String(slabId) },
      "the events of a slab's objects could not be bumped; reap will bump them",
    );
  }
}

/**
 * Commits the repair. If the commit fails for good, releases the lease with the outcome `fault`, so that the slab need
 * not wait for reap. The release is a second commit: if the first commit succeeded and only its answer was lost, the
 * release returns the first commit's result.
 * @throws if the release fails too: the lease is left to reap
 */
async function commit(
  request: CommitRequest,
  deps: RepairDependencies,
  notes: UploadNotes,
): Promise<CommitResult> {
  const committing = deps.store.commit(request);
  // The commit may fail during the next step, before the `await` below handles the error: the empty handler prevents an
  // unhandled rejection.
  committing.catch(() => {});
  await deps.step?.("commit-sent");
  try {
    return await committing;
  } catch (cause) {
    deps.logger.error(
      { error: cause, slab: String(request.slabId) },
      "a commit failed; the lease is released",
    );
    // `request` is passed twice: it identifies the lease, and it contains what was spent. An error of `extend` is
    // dropped, because the release below throws if the database is still unavailable.
    await notes.tell((uploads) => deps.store.extend(request, request, uploads)).catch(() => {});
    const outcome = { kind: "fault", error: errorCode(cause) } as const;
    return await deps.store.commit({ ...request, outcome, moves: [], denied: [], served: [], badShards: [] });
  }
}

function outcomeOf(work: Work): Exclude<OutcomeKind, "stale"> {
  if (work.error !== undefined || work.plan === undefined) return "fault";
  // If the slab was deleted, the commit only removes our own rows about the slab.
  if (work.plan === "slab-gone" || work.plan.kind === "healthy") return "healthy";
  if (work.plan.kind === "no-candidates") return "no-candidates";
  if (work.moved === undefined) return "fault";
  return decideOutcome(work.moved.tally);
}

function ourFaultOf({ error, moved }: Work): string | undefined {
  return error instanceof ClockError ? error.code : moved?.tally.ourFault;
}

/**
 * The journal's error for any outcome except a repaired or healthy slab: a code if there is one, then the hosts'
 * answers.
 */
function errorOf({ error, moved }: Work, reported: OutcomeKind): string | undefined {
  if (error !== undefined) return errorCode(error);
  if (moved === undefined || reported === "repaired" || reported === "healthy") return undefined;
  const { tally } = moved;
  const code = moved.undecided
    ? "pinned-shards-disagree"
    : reported === "fault"
      ? tally.ourFault
      : tally.costLimitReached
        ? "cost-limit"
        : undefined;
  const answers = describeAnswers(moved.answers);
  if (code === undefined) return answers === "" ? undefined : answers;
  return answers === "" ? code : `${code}: ${answers}`;
}

/** A stable code for the journal; messages of libraries may contain secrets. */
function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.name : "unknown";
}
